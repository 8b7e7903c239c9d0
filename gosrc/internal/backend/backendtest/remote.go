package backendtest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Remote is the suite of a store with containers that clients of a
// configuration reach.
func Remote(t testing.TB, scheme string, cfg *config.Config) Suite {
	return Suite{
		New:       func(t testing.TB) backend.Backend { return Connect(t, scheme, cfg) },
		Base:      Places(scheme, NewContainer(t, scheme, cfg)),
		Container: func(testing.TB) uri.URI { return uri.URI{Scheme: scheme, Container: unique("new")} },
	}
}

// Connect opens the first endpoint of a configuration, without retries and
// what else surrounds a backend. The test closes it.
func Connect(t testing.TB, scheme string, cfg *config.Config) backend.Backend {
	t.Helper()
	_, driver, err := backend.Resolve("test", scheme+"://any")
	if err != nil {
		t.Fatal(err)
	}
	endpoints, err := driver.Endpoints(cfg)
	if err != nil {
		t.Fatal(err)
	}
	store, err := driver.New(t.Context(), cfg, endpoints[0])
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// NewContainer makes a container and returns its name.
func NewContainer(t testing.TB, scheme string, cfg *config.Config) string {
	t.Helper()
	u := uri.URI{Scheme: scheme, Container: unique("container")}
	store := Connect(t, scheme, cfg)
	defer store.Close()
	if err := store.CreateContainer(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u.Container
}

// Places names empty places in a container, another one at each call.
func Places(scheme, container string) func(testing.TB) uri.URI {
	return func(testing.TB) uri.URI {
		return uri.URI{Scheme: scheme, Container: container, Key: unique("place") + "/"}
	}
}

var counter atomic.Int64

func unique(name string) string { return fmt.Sprintf("%s-%d", name, counter.Add(1)) }
