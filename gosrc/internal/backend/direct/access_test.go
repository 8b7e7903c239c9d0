package direct

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// openDirect opens a file of a few pages as attach does where there is no fallback to take yet.
func openDirect(t *testing.T, fallback bool) (*access, []byte) {
	t.Helper()
	path := backendtest.OnDisk(t) + "/file"
	data := bytes.Repeat([]byte("0123456789"), 2000)
	ok(t, os.WriteFile(path, data, 0o666))
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_DIRECT, 0)
	ok(t, err)
	t.Cleanup(func() { ok(t, unix.Close(fd)) })
	return &access{fd: fd, offsets: assumed, memory: assumed, fallback: fallback}, data
}

// picky is pread on a filesystem that accepts the flag O_DIRECT and then refuses the read.
func picky(fd int, p []byte, off int64) (int, error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_DIRECT != 0 {
		err = unix.EINVAL
	}
	if err != nil {
		return 0, err
	}
	return unix.Pread(fd, p, off)
}

func TestLateRefusal(t *testing.T) {
	a, _ := openDirect(t, false)
	if _, err := a.transfer(picky, make([]byte, 100), 7); errs.CodeOf(err) != errs.Unsupported {
		t.Errorf("got %v, want %v", err, errs.Unsupported)
	}

	a, data := openDirect(t, true)
	got := make([]byte, 100)
	if n, err := a.transfer(picky, got, 7); n != 100 || err != nil || !bytes.Equal(got, data[7:107]) {
		t.Errorf("the fallback read %d bytes, %v", n, err)
	}
	// From now on it is the cache that is read and written.
	if n, err := a.ReadAt(got[:50:50], 13, 1000); n != 50 || err != nil || !bytes.Equal(got[:50], data[13:63]) {
		t.Errorf("after the refusal: %d bytes, %v", n, err)
	}
	ok(t, a.WriteAt([]byte("new"), assumed))
	if _, err := unix.Pread(a.fd, got[:3], assumed); err != nil || string(got[:3]) != "new" {
		t.Errorf("after the refusal %q was written, %v", got[:3], err)
	}
}

// Only EINVAL is a refusal: what else fails is not hidden by the fallback.
func TestOtherFailures(t *testing.T) {
	a, _ := openDirect(t, true)
	broken := func(int, []byte, int64) (int, error) { return 0, unix.EIO }
	if _, err := a.transfer(broken, make([]byte, 100), 0); err != unix.EIO || a.cached.Load() {
		t.Errorf("got %v, and the cache in use: %v", err, a.cached.Load())
	}
	if err := a.refused(unix.EACCES); err != unix.EACCES || a.cached.Load() {
		t.Errorf("got %v, and the cache in use: %v", err, a.cached.Load())
	}
}

// Small reads are served from what one read of the device brought.
func TestReadsAhead(t *testing.T) {
	a, data := openDirect(t, false)
	defer a.Release()
	got := make([]byte, 100)
	end := int64(len(data))
	for off := int64(7); off < end; {
		n, err := a.ReadAt(got, off, end)
		if err != nil || n == 0 || !bytes.Equal(got[:n], data[off:off+int64(n)]) {
			t.Fatalf("at %d: %d bytes, %v", off, n, err)
		}
		off += int64(n)
		ok(t, unix.Ftruncate(a.fd, 0)) // the device has nothing more
	}
}

func TestAlignment(t *testing.T) {
	a, _ := openDirect(t, false)
	var st unix.Stat_t
	ok(t, unix.Fstat(a.fd, &st))
	offsets, memory, err := alignment(a.fd, &st)
	if err != nil || offsets < 512 || offsets&(offsets-1) != 0 || memory < 1 || memory > assumed {
		t.Errorf("alignment %d, %d, %v", offsets, memory, err)
	}
	if n, err := blockSize(a.fd); err != unix.ENOTTY {
		t.Errorf("a file claims to be a device with blocks of %d bytes, %v", n, err)
	}
}
