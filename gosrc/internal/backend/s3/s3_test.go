package s3_test

import (
	"fmt"
	"maps"
	"os"
	"sync/atomic"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/s3"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func TestMain(m *testing.M) { os.Exit(testservers.Run(m)) }

func TestConformanceMinIO(t *testing.T)     { conformance(t, testservers.SharedMinIO(t)) }
func TestConformanceVersityGW(t *testing.T) { conformance(t, testservers.SharedVersityGW(t)) }

func conformance(t *testing.T, server *testservers.S3) {
	bucket := newBucket(t, server)
	backendtest.Run(t, backendtest.Suite{
		New:       func(t testing.TB) backend.Backend { return connect(t, settings(server)) },
		Base:      func(testing.TB) uri.URI { return uri.URI{Scheme: "s3", Container: bucket, Key: unique("base") + "/"} },
		Container: func(testing.TB) uri.URI { return uri.URI{Scheme: "s3", Container: unique("new")} },
	})
}

var counter atomic.Int64

func unique(name string) string { return fmt.Sprintf("%s-%d", name, counter.Add(1)) }

// settings are the configuration of a client of server.
func settings(server *testservers.S3) *config.Config {
	cfg := config.Default()
	cfg.Endpoints = []string{server.Endpoint}
	cfg.Env = maps.Clone(server.Env())
	return &cfg
}

// connect opens the only endpoint of cfg, without retries.
func connect(t testing.TB, cfg *config.Config) backend.Backend {
	t.Helper()
	_, driver, err := backend.Resolve("test", "s3://any")
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

// newBucket makes a bucket for one test.
func newBucket(t testing.TB, server *testservers.S3) string {
	t.Helper()
	u := uri.URI{Scheme: "s3", Container: unique("bucket")}
	store := connect(t, settings(server))
	defer store.Close()
	if err := store.CreateContainer(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u.Container
}
