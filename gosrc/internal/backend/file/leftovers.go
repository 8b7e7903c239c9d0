package file

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// claim locks a temporary file for as long as this process has it open: what
// is not locked was left behind by one that died. Where a file system has no
// locks, such files are taken for files in use.
func (t *temp) claim() { _ = unix.Flock(t.fd, unix.LOCK_EX|unix.LOCK_NB) }

// removeDirectory removes an empty directory. Listings do not show the
// leftovers of processes that died, so these do not count: they go with it.
func removeDirectory(path string) error {
	err := unix.Rmdir(path)
	if err == unix.ENOTEMPTY && removeLeftovers(strings.TrimSuffix(path, "/")+"/") {
		err = unix.Rmdir(path)
	}
	return err
}

// removeLeftovers is true when it has removed all that lay in the directory;
// it removes nothing where there is anything else.
func removeLeftovers(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), tempPrefix) || !e.Type().IsRegular() {
			return false
		}
	}
	for _, e := range entries {
		if !removeLeftover(dir + e.Name()) {
			return false
		}
	}
	return true
}

func removeLeftover(path string) bool {
	fd, err := openRetry(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil && unix.Unlink(path) == nil
}
