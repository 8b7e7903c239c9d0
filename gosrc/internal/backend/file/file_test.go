package file_test

import (
	"context"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/file"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func open(t testing.TB) backend.Backend {
	_, driver, err := backend.Resolve("test", "file:///")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	store, err := driver.New(context.Background(), &cfg, "")
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func at(path string) uri.URI { return uri.URI{Scheme: "file", Key: path} }

func TestConformance(t *testing.T) {
	before := descriptors(t)
	backendtest.Run(t, backendtest.Suite{
		New: open,
		Base: func(t testing.TB) uri.URI {
			dir := t.TempDir()
			t.Cleanup(func() { noTemporaries(t, dir) })
			return at(dir + "/")
		},
	})
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors were open before, %d are now", before, after)
	}
}
