package direct

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func open(t testing.TB, fallback bool) backend.Backend {
	t.Helper()
	_, driver, err := backend.Resolve("test", "direct:///")
	ok(t, err)
	cfg := config.Default()
	cfg.DirectFallback = fallback
	store, err := driver.New(t.Context(), &cfg, "")
	ok(t, err)
	return store
}

func at(path string) uri.URI { return uri.URI{Scheme: "direct", Key: path} }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, err error) {
	t.Helper()
	var e *errs.Error
	if !errors.As(err, &e) || e.Code != errs.Unsupported || e.URI == "" || !strings.Contains(err.Error(), "direct_fallback") {
		t.Errorf("got %v, want an error that names direct_fallback", err)
	}
}

func conform(t *testing.T, fallback bool, large int, dir func(testing.TB) string) {
	backendtest.Run(t, backendtest.Suite{
		New:   func(t testing.TB) backend.Backend { return open(t, fallback) },
		Base:  func(t testing.TB) uri.URI { return at(dir(t) + "/") },
		Large: large,
	})
	if s := buffers.Default.Stats(); s.InUse != 0 {
		t.Errorf("%d bytes of bounce buffers are still in use", s.InUse)
	}
}

func TestConformance(t *testing.T) { conform(t, false, 0, backendtest.OnDisk) }

// /dev/shm accepts O_DIRECT on some kernels and refuses it on others.
func TestConformanceInMemory(t *testing.T) {
	conform(t, true, 10<<20, func(t testing.TB) string {
		dir, err := os.MkdirTemp("/dev/shm", "s3dlio-test-")
		ok(t, err)
		t.Cleanup(func() { ok(t, os.RemoveAll(dir)) })
		return dir
	})
}

// No kernel offers O_DIRECT for /proc and /sys.
func TestRefusal(t *testing.T) {
	for _, path := range []string{"/proc/version", "/sys/kernel/notes"} {
		_, err := open(t, false).Open(t.Context(), at(path), backend.Whole, "")
		refused(t, err)
	}
	got, err := backendtest.Read(t.Context(), t, open(t, true), at("/sys/kernel/notes"), backend.Whole, "")
	ok(t, err)
	want, err := os.ReadFile("/sys/kernel/notes")
	ok(t, err)
	if string(got) != string(want) || len(want) == 0 {
		t.Errorf("the fallback read %d bytes that are not the %d of the file", len(got), len(want))
	}
}

func TestRefusedWrite(t *testing.T) {
	backendtest.WithFilesystem(t, "ramfs", "", func(dir string) {
		for _, path := range []string{dir + "/file", dir + "/new/file"} {
			_, err := open(t, false).Put(t.Context(), at(path), []byte("data"), nil)
			refused(t, err)
			_, err = open(t, false).Create(t.Context(), at(path), nil)
			refused(t, err)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("the refused writes left %v, %v", left, err)
		}
		conform(t, true, 10<<20, func(t testing.TB) string {
			sub, err := os.MkdirTemp(dir, "")
			ok(t, err)
			return sub
		})
	})
}
