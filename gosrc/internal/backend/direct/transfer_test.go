package direct

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/forkgate"
)

// cachedPages is how many pages of the file are in the kernel's cache.
func cachedPages(t *testing.T, path string, size int) (n int) {
	t.Helper()
	f, err := os.Open(path)
	ok(t, err)
	defer f.Close()
	memory, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	ok(t, err)
	defer func() { ok(t, unix.Munmap(memory)) }()
	present := make([]byte, (size+4095)/4096)
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&memory[0])), uintptr(size), uintptr(unsafe.Pointer(&present[0])))
	if errno != 0 {
		t.Fatal(errno)
	}
	for _, p := range present {
		n += int(p & 1)
	}
	return n
}

// honoursDirect says whether nothing is cached after a plain O_DIRECT write. Some
// filesystems (btrfs with checksums, for one) accept the flag and use the cache.
func honoursDirect(t *testing.T, path string) bool {
	t.Helper()
	const size = 1 << 20
	buffer, err := buffers.Default.Get(size)
	ok(t, err)
	defer buffer.Release()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_DIRECT, 0o666)
	ok(t, err)
	_, err = unix.Pwrite(fd, buffer.Bytes(), 0)
	ok(t, err)
	ok(t, unix.Close(fd))
	return cachedPages(t, path, size) == 0
}

// Neither writing nor reading goes through the page cache.
func TestPassesTheCache(t *testing.T) {
	const size = 3<<20 + 1000
	dir := backendtest.OnDisk(t)
	if !honoursDirect(t, dir+"/plain") {
		t.Logf("BYPASSING THE CACHE NOT TESTED: the filesystem of %s caches in spite of O_DIRECT", dir)
		return
	}
	path := dir + "/file"
	store := open(t, false)
	data := backendtest.Content(1, size)
	_, err := store.Put(t.Context(), at(path), data, nil)
	ok(t, err)
	if n := cachedPages(t, path, size); n > 0 {
		t.Errorf("after the write %d pages are cached", n)
	}
	for _, r := range []backend.Range{backend.Whole, {Offset: 100_001, Length: 1_000_000}} {
		_, err = backendtest.Read(t.Context(), t, store, at(path), r, "")
		ok(t, err)
		if n := cachedPages(t, path, size); n > 0 {
			t.Errorf("after reading %v %d pages are cached", r, n)
		}
	}
	_, err = os.ReadFile(path)
	ok(t, err)
	if cachedPages(t, path, size) == 0 {
		t.Error("the cache holds nothing even after a buffered read: this test tells nothing")
	}
}

// Reads into the engine's buffers need no bounce buffer, whatever the size of
// the file, at one go or in pieces.
func TestReadsInPlace(t *testing.T) {
	path := backendtest.OnDisk(t) + "/file"
	store := open(t, false)
	for _, size := range []int{1, 1000, 4096, 5000, 100_000, 1 << 20, 1<<20 + 1, 9 << 20} {
		data := backendtest.Content(uint64(size), size)
		_, err := store.Put(t.Context(), at(path), data, nil)
		ok(t, err)
		for _, piece := range []int{size, 5000, 70_000} {
			inPlace(t, store, path, data, piece)
		}
	}
}

func inPlace(t *testing.T, store backend.Backend, path string, data []byte, piece int) {
	t.Helper()
	buffer, err := buffers.Default.Get(max(int64(piece), buffers.Align))
	ok(t, err)
	defer buffer.Release()
	before := buffers.Default.Stats().InUse
	body, err := store.Open(t.Context(), at(path), backend.Whole, "")
	ok(t, err)
	var got []byte
	for err == nil {
		var n int
		n, err = body.Read(buffer.Bytes()[:piece])
		got = append(got, buffer.Bytes()[:n]...)
	}
	if err != io.EOF || !bytes.Equal(got, data) {
		t.Errorf("%d bytes in pieces of %d: got %d, %v", len(data), piece, len(got), err)
	}
	if extra := buffers.Default.Stats().InUse - before; extra != 0 {
		t.Errorf("%d bytes in pieces of %d: a bounce buffer of %d bytes was used", len(data), piece, extra)
	}
	ok(t, body.Close())
}

// While a fork is prepared, reads and writes wait; before it, those under way end.
func TestPausesForFork(t *testing.T) {
	path := backendtest.OnDisk(t) + "/file"
	store := open(t, false)
	data := backendtest.Content(1, 1<<20)
	_, err := store.Put(t.Context(), at(path), data, nil)
	ok(t, err)
	transfers := map[string]func() error{
		"read": func() error {
			_, err := backendtest.Read(context.Background(), t, store, at(path), backend.Whole, "")
			return err
		},
		"unaligned read": func() error {
			_, err := backendtest.Read(context.Background(), t, store, at(path), backend.Range{Offset: 5, Length: 10}, "")
			return err
		},
		"write": func() error {
			_, err := store.Put(context.Background(), at(path), data, nil)
			return err
		},
	}
	for name, transfer := range transfers {
		if !forkgate.Pause(time.Minute) {
			t.Fatal("the pause failed")
		}
		done := make(chan error)
		go func() { done <- transfer() }()
		select {
		case err := <-done:
			t.Errorf("a %s went on during the pause: %v", name, err)
			forkgate.Resume()
			continue
		case <-time.After(20 * time.Millisecond):
		}
		forkgate.Resume()
		ok(t, <-done)
	}
	pauseAmongReads(t, transfers["read"])
}

func pauseAmongReads(t *testing.T, read func() error) {
	stop, done := make(chan struct{}), make(chan error)
	for range 4 {
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				if err := read(); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for range 50 {
		if !forkgate.Pause(time.Minute) {
			t.Error("the pause failed")
		}
		forkgate.Resume()
	}
	close(stop)
	for range 4 {
		ok(t, <-done)
	}
}

func TestFullFilesystem(t *testing.T) {
	backendtest.WithFilesystem(t, "tmpfs", "size=1m", func(dir string) {
		store := open(t, true)
		_, err := store.Put(t.Context(), at(dir+"/sub/file"), make([]byte, 3<<20), nil)
		if errs.CodeOf(err) != errs.NoSpace {
			t.Errorf("got %v, want %v", err, errs.NoSpace)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("the failed write left %v, %v", left, err)
		}
	})
}
