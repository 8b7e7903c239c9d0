package hdfs

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func TestMain(m *testing.M) { os.Exit(testservers.Run(m)) }

func TestConformance(t *testing.T) {
	server := testservers.SharedHDFS(t)
	backendtest.Run(t, backendtest.Suite{
		New:     func(t testing.TB) backend.Backend { return connect(t, settings()) },
		Base:    func(t testing.TB) uri.URI { return base(t, server) },
		Refuses: func(key string) bool { return strings.Contains(key, ":") },
	})
}

var counter atomic.Int64

// base is a new directory.
func base(t testing.TB, server *testservers.HDFS) uri.URI {
	t.Helper()
	u := uri.URI{Scheme: scheme, Container: server.Addr, Key: fmt.Sprintf("tests/base-%d/", counter.Add(1))}
	store := connect(t, settings())
	defer store.Close()
	if err := store.Mkdir(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u
}

func settings() *config.Config {
	cfg := config.Default()
	cfg.Env = map[string]string{}
	return &cfg
}

func connect(t testing.TB, cfg *config.Config) *store {
	t.Helper()
	s, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
