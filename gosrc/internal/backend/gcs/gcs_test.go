package gcs_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/gcs"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap/pool"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func TestMain(m *testing.M) { os.Exit(testservers.Run(m)) }

func TestConformance(t *testing.T) {
	server := testservers.SharedFakeGCS(t)
	bucket := newBucket(t, server)
	backendtest.Run(t, backendtest.Suite{
		New:       func(t testing.TB) backend.Backend { return connect(t, settings(server)) },
		Base:      func(testing.TB) uri.URI { return uri.URI{Scheme: "gs", Container: bucket, Key: unique("base") + "/"} },
		Container: func(testing.TB) uri.URI { return uri.URI{Scheme: "gs", Container: unique("new")} },
		Large:     11<<20 + 12_345,

		StorageClass: "NEARLINE",
	})
}

var counter atomic.Int64

func unique(name string) string { return fmt.Sprintf("%s-%d", name, counter.Add(1)) }

// settings are the configuration of a client of server.
func settings(server *testservers.FakeGCS) *config.Config {
	cfg := config.Default()
	cfg.Env = server.Env()
	return &cfg
}

// connect opens the only endpoint of cfg, without retries.
func connect(t testing.TB, cfg *config.Config) backend.Backend {
	t.Helper()
	_, driver, err := backend.Resolve("test", "gs://any")
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
func newBucket(t testing.TB, server *testservers.FakeGCS) string {
	t.Helper()
	u := uri.URI{Scheme: "gs", Container: unique("bucket")}
	store := connect(t, settings(server))
	defer store.Close()
	if err := store.CreateContainer(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u.Container
}

// A listing can begin behind a key; what is folded may appear once more.
func TestListAfter(t *testing.T) {
	server := testservers.SharedFakeGCS(t)
	u := uri.URI{Scheme: "gs", Container: newBucket(t, server)}
	store := connect(t, settings(server))
	defer store.Close()
	for _, key := range []string{"a", "b +%&", "c/d", "c/e", "f"} {
		if _, err := store.Put(t.Context(), u.WithKey(key), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		after     string
		recursive bool
		want      string
	}{
		{"a", true, `["b +%&" "c/d" "c/e" "f"]`}, {"b +%&", true, `["c/d" "c/e" "f"]`}, {"b +%&", false, `["c/" "f"]`},
		{"c/", false, `["f"]`}, {"f", true, `[]`},
	} {
		got := []string{}
		err := store.(pool.Continued).ListAfter(t.Context(), u, c.recursive, c.after, func(entries []backend.Entry) error {
			for _, e := range entries {
				got = append(got, e.Key)
			}
			return nil
		})
		if err != nil || fmt.Sprintf("%q", got) != c.want {
			t.Errorf("behind %q, recursive %v: %q, %v; want %s", c.after, c.recursive, got, err, c.want)
		}
	}
}
