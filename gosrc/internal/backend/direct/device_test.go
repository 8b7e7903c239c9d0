package direct

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// loop makes a block device of the file's contents; "" where the machine allows none.
func loop(t *testing.T, path string, block uint32) string {
	t.Helper()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return ""
	}
	defer control.Close()
	backing, err := os.OpenFile(path, os.O_RDWR, 0)
	ok(t, err)
	defer backing.Close()
	for range 20 { // another process may take the free one
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return ""
		}
		name := fmt.Sprintf("/dev/loop%d", n)
		device, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return ""
		}
		err = unix.IoctlLoopConfigure(int(device.Fd()), &unix.LoopConfig{Fd: uint32(backing.Fd()), Size: block})
		if err != nil {
			ok(t, device.Close())
			continue
		}
		t.Cleanup(func() {
			if _, err := unix.IoctlRetInt(int(device.Fd()), unix.LOOP_CLR_FD); err != nil {
				t.Error(err)
			}
			ok(t, device.Close())
		})
		return name
	}
	return ""
}

func TestBlockDevice(t *testing.T) {
	for _, block := range []uint32{512, 4096} {
		data := backendtest.Content(uint64(block), 1<<20+3*int(block))
		path := backendtest.OnDisk(t) + "/image"
		ok(t, os.WriteFile(path, data, 0o666))
		name := loop(t, path, block)
		if name == "" {
			t.Log("BLOCK DEVICES NOT TESTED: this machine allows no loop device (needs root and /dev/loop-control)")
			return
		}
		holds(t, name, data)
		aligns(t, name, int64(block))
		_, err := open(t, false).Put(t.Context(), at(name), data, nil)
		if errs.CodeOf(err) != errs.Unsupported {
			t.Errorf("put onto a block device: %v", err)
		}
	}
}

// aligns checks what the device demands, as the ioctl and as statx (on newer kernels) say.
func aligns(t *testing.T, name string, block int64) {
	t.Helper()
	f, err := os.Open(name)
	ok(t, err)
	defer f.Close()
	var st unix.Stat_t
	ok(t, unix.Fstat(int(f.Fd()), &st))
	offsets, memory, err := alignment(int(f.Fd()), &st)
	if err != nil || offsets != block || memory > block {
		t.Errorf("%s: alignment %d, %d, %v: want %d", name, offsets, memory, err, block)
	}
	if n, err := blockSize(int(f.Fd())); err != nil || n != block {
		t.Errorf("%s: blocks of %d bytes, %v: want %d", name, n, err, block)
	}
}

func holds(t *testing.T, name string, data []byte) {
	t.Helper()
	store := open(t, false)
	size := int64(len(data))
	if info, err := store.Stat(t.Context(), at(name)); err != nil || info.Size != size {
		t.Errorf("stat of %s: %+v, %v: want %d bytes", name, info, err, size)
	}
	ok(t, store.List(t.Context(), at(name), true, func(page []backend.Entry) error {
		if len(page) != 1 || page[0].Key != name || page[0].Size != size {
			t.Errorf("%s is listed as %+v", name, page)
		}
		return nil
	}))
	for _, r := range []backend.Range{
		backend.Whole, {Offset: 0, Length: 1}, {Offset: 777, Length: 300_000}, {Offset: 4096, Length: 8192}, {Offset: size - 1, Length: 10}, {Offset: size, Length: -1},
	} {
		want := data[r.Offset:]
		if r.Length >= 0 {
			want = want[:min(r.Length, size-r.Offset)]
		}
		got, err := backendtest.Read(t.Context(), t, store, at(name), r, "")
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, range %v: %d bytes, %v: want %d", name, r, len(got), err, len(want))
		}
	}
	_, err := backendtest.Read(t.Context(), t, store, at(name), backend.Range{Offset: size + 1}, "")
	if errs.CodeOf(err) != errs.OutOfRange {
		t.Errorf("beyond the end of %s: %v", name, err)
	}
}
