package mem_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/mem"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

var count atomic.Int64

func container(testing.TB) uri.URI {
	return uri.URI{Scheme: "mem", Container: fmt.Sprintf("container-%d", count.Add(1))}
}

func open(t testing.TB) backend.Backend {
	_, driver, err := backend.Resolve("test", "mem://container/key")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	store, err := driver.New(t.Context(), &cfg, "")
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestConformance(t *testing.T) {
	backendtest.Run(t, backendtest.Suite{
		New:       open,
		Container: container,

		StorageClass: "COLD",
		Base: func(t testing.TB) uri.URI {
			u := container(t)
			if err := open(t).CreateContainer(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			return u.WithKey("base/")
		},
	})
}
