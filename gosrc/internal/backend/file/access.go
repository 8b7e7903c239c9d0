package file

import (
	"golang.org/x/sys/unix"
)

// Chunk is how many bytes one system call moves at most, so that cancellation,
// and a pause before a fork, are noticed soon.
const Chunk = 8 << 20

// Access moves bytes between an open file and memory.
type Access interface {
	// ReadAt reads up to len(p) bytes at offset off; fewer need not mean the
	// end of the file, but 0 does. It may use p up to its capacity as scratch
	// space. Nothing at or beyond end will be asked for. Not for concurrent use.
	ReadAt(p []byte, off, end int64) (int, error)
	// WriteAt writes data at off, a multiple of Align. It may write beyond the
	// data: the file is cut to its size in the end. Safe for concurrent use.
	WriteAt(data []byte, off int64) error
	// Align is what offsets given to WriteAt are multiples of.
	Align() int64
	// Release gives back what belongs to the Access; the file stays open.
	Release()
}

// Attach makes the Access of an open file; st is what fstat says of it.
type Attach func(fd int, st *unix.Stat_t) (Access, error)

// pageCache is access through the kernel's cache.
type pageCache int

// Buffered is the Attach of the page cache.
func Buffered(fd int, _ *unix.Stat_t) (Access, error) { return pageCache(fd), nil }

func (fd pageCache) ReadAt(p []byte, off, _ int64) (int, error) {
	return Pread(int(fd), p[:min(len(p), Chunk)], off)
}

func (fd pageCache) WriteAt(data []byte, off int64) error {
	for len(data) > 0 {
		n, err := Pwrite(int(fd), data, off)
		if err != nil {
			return err
		}
		data, off = data[n:], off+int64(n)
	}
	return nil
}

func (pageCache) Align() int64 { return 1 }
func (pageCache) Release()     {}

// Pread is pread(2), begun again when a signal interrupts it.
func Pread(fd int, p []byte, off int64) (int, error) {
	for {
		n, err := unix.Pread(fd, p, off)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// Pwrite is pwrite(2), begun again when a signal interrupts it. It writes at
// least one byte or fails.
func Pwrite(fd int, data []byte, off int64) (int, error) {
	for {
		n, err := unix.Pwrite(fd, data, off)
		switch {
		case err == unix.EINTR:
		case err == nil && n <= 0 && len(data) > 0:
			return 0, unix.ENOSPC
		default:
			return max(n, 0), err
		}
	}
}
