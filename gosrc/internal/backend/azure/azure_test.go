package azure_test

import (
	"fmt"
	"maps"
	"os"
	"sync/atomic"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/azure"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func TestMain(m *testing.M) { os.Exit(testservers.Run(m)) }

func TestConformance(t *testing.T) {
	server := testservers.SharedAzurite(t)
	container := newContainer(t, server)
	backendtest.Run(t, backendtest.Suite{
		New: func(t testing.TB) backend.Backend { return connect(t, settings(server)) },
		Base: func(testing.TB) uri.URI {
			return uri.URI{Scheme: "az", Container: container, Key: unique("base") + "/"}
		},
		Container: func(testing.TB) uri.URI { return uri.URI{Scheme: "az", Container: unique("new")} },

		StorageClass: "Cool",
		Identifiers:  true,
	})
}

var counter atomic.Int64

func unique(name string) string { return fmt.Sprintf("%s-%d", name, counter.Add(1)) }

// settings are the configuration of a client of server.
func settings(server *testservers.Azurite) *config.Config {
	cfg := config.Default()
	cfg.Endpoints = []string{"http://" + server.Addr}
	cfg.Env = maps.Clone(server.Env())
	return &cfg
}

// connect opens the only endpoint of cfg, without retries.
func connect(t testing.TB, cfg *config.Config) backend.Backend {
	t.Helper()
	_, driver, err := backend.Resolve("test", "az://any")
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

// newContainer makes a container for one test.
func newContainer(t testing.TB, server *testservers.Azurite) string {
	t.Helper()
	u := uri.URI{Scheme: "az", Container: unique("container")}
	store := connect(t, settings(server))
	defer store.Close()
	if err := store.CreateContainer(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u.Container
}

var whole = backend.Whole
