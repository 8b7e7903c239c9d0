package direct

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/file"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/forkgate"
)

// bounceSize is how much a bounce buffer holds: large enough that the device is
// kept busy, small enough to stay in the processor's cache while it is copied.
const bounceSize = 1 << 20

// access moves blocks between an open file and memory.
type access struct {
	fd       int
	offsets  int64 // both are powers of two
	memory   int64
	fallback bool
	cached   atomic.Bool // O_DIRECT is off

	// What was last read through the bounce buffer: the bytes [from, from+len(held)).
	bounce *buffers.Buffer
	held   []byte
	from   int64
}

func (a *access) Align() int64 { return a.offsets }

func (a *access) Release() {
	if a.bounce != nil {
		a.bounce.Release()
		a.bounce, a.held = nil, nil
	}
}

func (a *access) ReadAt(p []byte, off, end int64) (int, error) {
	if at := off - a.from; at >= 0 && at < int64(len(a.held)) {
		return copy(p, a.held[at:]), nil
	}
	if a.cached.Load() {
		return file.Pread(a.fd, p[:min(len(p), file.Chunk)], off)
	}
	if blocks := a.inPlace(p, off, end); blocks != nil {
		n, err := a.pread(blocks, off)
		return min(n, len(p)), err
	}
	return a.readBounced(p, off, end)
}

// inPlace is the memory at p that whole blocks at off can be read into: nil if
// there is none. The last block of a range may spill into the spare capacity.
func (a *access) inPlace(p []byte, off, end int64) []byte {
	if off%a.offsets != 0 || !a.aligned(p) {
		return nil
	}
	whole := down(int64(len(p)), a.offsets)
	if up := up(int64(len(p)), a.offsets); off+int64(len(p)) == end && up <= int64(cap(p)) {
		whole = up
	}
	if whole = min(whole, file.Chunk); whole == 0 {
		return nil
	}
	return p[:whole]
}

// readBounced reads ahead as far as the range goes, for the reads that follow.
func (a *access) readBounced(p []byte, off, end int64) (int, error) {
	from := down(off, a.offsets)
	want := min(up(end, a.offsets)-from, max(bounceSize, a.offsets))
	if a.bounce == nil {
		var err error
		if a.bounce, err = newBounce(want); err != nil {
			return 0, err
		}
	}
	block := a.bounce.Bytes()
	block = block[:min(want, int64(len(block)))]
	n, err := a.pread(block, from)
	if err != nil {
		return 0, err
	}
	a.from, a.held = from, block[:n]
	if at := off - from; at < int64(n) {
		return copy(p, block[at:n]), nil
	}
	return 0, nil
}

// newBounce is a bounce buffer for n bytes; even a short one has a page, for its alignment.
func newBounce(n int64) (*buffers.Buffer, error) {
	return buffers.Default.Get(max(n, buffers.Align))
}

// WriteAt writes the aligned part of data from where it lies and copies the
// rest. Parts are written concurrently, so each call has a bounce buffer of its own.
func (a *access) WriteAt(data []byte, off int64) error {
	for len(data) > 0 {
		n := down(int64(len(data)), a.offsets)
		if n == 0 || !a.aligned(data) {
			return a.writeBounced(data, off)
		}
		written, err := a.pwrite(data[:n], off)
		if err != nil {
			return err
		}
		data, off = data[written:], off+int64(written)
	}
	return nil
}

func (a *access) writeBounced(data []byte, off int64) error {
	bounce, err := newBounce(min(up(int64(len(data)), a.offsets), max(bounceSize, a.offsets)))
	if err != nil {
		return err
	}
	defer bounce.Release()
	block := bounce.Bytes()
	for len(data) > 0 {
		n := copy(block, data)
		padded := block[:up(int64(n), a.offsets)]
		clear(padded[n:])
		written, err := a.pwrite(padded, off)
		if err != nil {
			return err
		}
		n = min(n, written)
		data, off = data[n:], off+int64(n)
	}
	return nil
}

func (a *access) pread(p []byte, off int64) (int, error) {
	return a.transfer(file.Pread, p, off)
}

// pwrite writes whole blocks, at least one.
func (a *access) pwrite(data []byte, off int64) (int, error) {
	n, err := a.transfer(file.Pwrite, data, off)
	if n = int(down(int64(n), a.offsets)); err == nil && n == 0 {
		err = unix.ENOSPC // less than a block had room
	}
	return n, err
}

func (a *access) transfer(call func(int, []byte, int64) (int, error), p []byte, off int64) (int, error) {
	forkgate.Enter()
	n, err := call(a.fd, p, off)
	forkgate.Leave()
	if err == unix.EINVAL && !a.cached.Load() {
		if err = a.refused(err); err == nil {
			return call(a.fd, p, off)
		}
	}
	return n, err
}

func (a *access) aligned(p []byte) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(p)))%uintptr(a.memory) == 0
}

func down(n, align int64) int64 { return n &^ (align - 1) }
func up(n, align int64) int64   { return down(n+align-1, align) }
