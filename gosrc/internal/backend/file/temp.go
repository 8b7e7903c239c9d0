package file

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// tempPrefix begins the names of files that are not whole yet. They lie beside
// their final name, since rename(2) stays within a filesystem. Listings leave
// them out; only the death of the process leaves one behind.
const tempPrefix = ".s3dlio-tmp-"

const (
	maxLinks    = 40 // as the kernel has it
	maxAttempts = 100
)

// temp is a file being written.
type temp struct {
	fd     int
	path   string
	target string
	access Access
	made   []string // the directories that had to be made for it
}

// newTemp opens a temporary file beside the file that u names.
func (s *store) newTemp(ctx context.Context, u uri.URI) (*temp, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	target, old, err := destination(u.Key)
	if err != nil {
		return nil, err
	}
	t := &temp{target: target}
	if err := t.open(); err != nil {
		t.removeDirs()
		return nil, err
	}
	if err := t.prepare(s.attach, old); err != nil {
		t.discard()
		return nil, err
	}
	return t, nil
}

// destination follows links from path to the file that is to be replaced, old,
// or to where there is none yet.
func destination(path string) (target string, old *unix.Stat_t, err error) {
	for range maxLinks {
		if name := path[strings.LastIndexByte(path, '/')+1:]; name == "" {
			return "", nil, unix.EISDIR
		} else if strings.HasPrefix(name, tempPrefix) {
			return "", nil, errs.New(errs.Invalid, "", "", "names that begin with %s are reserved", tempPrefix)
		}
		var st unix.Stat_t
		err := unix.Lstat(path, &st)
		switch {
		case err == unix.ENOENT:
			return path, nil, nil
		case err != nil:
			return "", nil, err
		case st.Mode&unix.S_IFMT == unix.S_IFREG:
			return path, &st, nil
		case st.Mode&unix.S_IFMT == unix.S_IFBLK:
			return "", nil, errs.New(errs.Unsupported, "", "", "this is a block device; it can only be read")
		case st.Mode&unix.S_IFMT != unix.S_IFLNK:
			return "", nil, checkKind(&st)
		}
		if path, err = follow(path); err != nil {
			return "", nil, err
		}
	}
	return "", nil, unix.ELOOP
}

// follow is where the symbolic link at path leads.
func follow(path string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlink(path, buf)
	if err != nil {
		return "", err
	}
	to := string(buf[:n])
	if !strings.HasPrefix(to, "/") {
		to = dirOf(path) + to
	}
	return to, nil
}

// dirOf is path up to its last '/'.
func dirOf(path string) string { return path[:strings.LastIndexByte(path, '/')+1] }

// open creates the file under a name of its own, and directories as needed.
func (t *temp) open() error {
	var err error
	for range maxAttempts {
		t.path = fmt.Sprintf("%s%s%016x", dirOf(t.target), tempPrefix, rand.Uint64())
		t.fd, err = openRetry(t.path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o666)
		switch err {
		case unix.EEXIST:
			continue
		case unix.ENOENT: // or another's failed write removed them again
			made, err := makeDirs(dirOf(t.target))
			t.made = append(t.made, made...)
			if err != nil {
				return err
			}
			continue
		case nil:
			t.claim()
		}
		return err
	}
	return err
}

func (t *temp) prepare(attach Attach, old *unix.Stat_t) error {
	var st unix.Stat_t
	if err := unix.Fstat(t.fd, &st); err != nil {
		return err
	}
	if old != nil && (old.Mode^st.Mode)&0o777 != 0 { // what was private stays private
		if err := unix.Fchmod(t.fd, old.Mode&0o777); err != nil {
			return err
		}
	}
	var err error
	t.access, err = attach(t.fd, &st)
	return err
}

func (t *temp) write(ctx context.Context, data []byte, off int64) error {
	for len(data) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(len(data), Chunk)
		if err := t.access.WriteAt(data[:n], off); err != nil {
			return err
		}
		data, off = data[n:], off+int64(n)
	}
	return nil
}

// publish gives the file of size bytes its name, or discards it.
func (t *temp) publish(ctx context.Context, size int64) (backend.Info, error) {
	info, err := t.finish(ctx, size)
	if err == nil {
		err = unix.Rename(t.path, t.target)
	}
	if err != nil {
		t.discard()
		return backend.Info{}, err
	}
	return info, nil
}

// finish closes the file: network filesystems tell only then that it is not stored.
func (t *temp) finish(ctx context.Context, size int64) (backend.Info, error) {
	if err := ctx.Err(); err != nil {
		return backend.Info{}, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(t.fd, &st); err != nil {
		return backend.Info{}, err
	}
	if st.Size != size {
		if err := unix.Ftruncate(t.fd, size); err != nil {
			return backend.Info{}, err
		}
	}
	if err := t.close(); err != nil {
		return backend.Info{}, err
	}
	// The filesystem's own clock may tick in milliseconds. Then a file that got
	// the inode of an earlier version could have that version's ETag too.
	now := unix.NsecToTimespec(time.Now().UnixNano())
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, t.path, []unix.Timespec{now, now}, 0); err != nil {
		return backend.Info{}, err
	}
	if err := unix.Stat(t.path, &st); err != nil {
		return backend.Info{}, err
	}
	return describe(&st, st.Size), nil
}

func (t *temp) close() error {
	if t.fd < 0 {
		return nil
	}
	if t.access != nil {
		t.access.Release()
	}
	fd := t.fd
	t.fd = -1
	return unix.Close(fd)
}

// discard removes every trace of the file.
func (t *temp) discard() {
	_ = t.close()
	_ = unix.Unlink(t.path)
	t.removeDirs()
}

// removeDirs removes the directories made for the file, unless others use them by now.
func (t *temp) removeDirs() {
	for i := len(t.made) - 1; i >= 0; i-- {
		_ = unix.Rmdir(t.made[i])
	}
	t.made = nil
}

// makeDirs makes a directory and those above it, and returns what it made.
func makeDirs(path string) (made []string, err error) {
	path = strings.TrimRight(path, "/")
	if path == "" {
		return nil, nil
	}
	err = unix.Mkdir(path, 0o777)
	if err == unix.ENOENT {
		if made, err = makeDirs(dirOf(path)); err != nil {
			return made, err
		}
		err = unix.Mkdir(path, 0o777)
	}
	switch err {
	case nil:
		return append(made, path), nil
	case unix.EEXIST:
		return made, nil
	}
	return made, err
}
