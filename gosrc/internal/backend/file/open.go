package file

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// handle is an open regular file or block device. Package os would also
// register it with the network poller, in vain, for each file.
type handle struct {
	fd   int
	st   unix.Stat_t
	info backend.Info
}

func openFile(path string) (*handle, error) {
	// Opening a pipe waits for its other end unless it is O_NONBLOCK; files ignore the flag.
	fd, err := openRetry(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	h := &handle{fd: fd}
	if err = h.identify(); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return h, nil
}

func openRetry(path string, flags int, mode uint32) (int, error) {
	for {
		fd, err := unix.Open(path, flags, mode)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func (h *handle) identify() error {
	if err := unix.Fstat(h.fd, &h.st); err != nil {
		return err
	}
	if err := checkKind(&h.st); err != nil {
		return err
	}
	size := h.st.Size
	if h.st.Mode&unix.S_IFMT == unix.S_IFBLK {
		n, err := unix.IoctlGetInt(h.fd, unix.BLKGETSIZE64)
		if err != nil {
			return err
		}
		size = int64(n)
	}
	h.info = describe(&h.st, size)
	return nil
}

// changed says whether the file is no longer what it was when it was opened.
func (h *handle) changed() (bool, error) {
	var now unix.Stat_t
	err := unix.Fstat(h.fd, &now)
	return now.Size != h.st.Size || now.Mtim != h.st.Mtim, err
}

func (h *handle) close() error { return unix.Close(h.fd) }

// checkKind refuses what has no contents of a fixed size.
func checkKind(st *unix.Stat_t) error {
	var kind string
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFBLK:
		return nil
	case unix.S_IFDIR:
		return unix.EISDIR
	case unix.S_IFIFO:
		kind = "pipe"
	case unix.S_IFSOCK:
		kind = "socket"
	case unix.S_IFCHR:
		kind = "character device"
	}
	return errs.New(errs.Unsupported, "", "", "this is a %s, not a regular file", kind)
}

func describe(st *unix.Stat_t, size int64) backend.Info {
	return backend.Info{Size: size, ModTime: modTime(st), ETag: etag(st)}
}

func modTime(st *unix.Stat_t) time.Time { return time.Unix(st.Mtim.Unix()) }

func etag(st *unix.Stat_t) string {
	b := make([]byte, 0, 48)
	b = append(strconv.AppendUint(b, st.Ino, 16), '-')
	b = append(strconv.AppendInt(b, st.Size, 16), '-')
	return string(strconv.AppendInt(b, st.Mtim.Nano(), 16))
}
