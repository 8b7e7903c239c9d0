package gcs_test

import (
	"os"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/gcs"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
)

func TestMain(m *testing.M) { os.Exit(testservers.Run(m)) }

func TestConformance(t *testing.T) {
	suite := backendtest.Remote(t, "gs", settings(testservers.SharedFakeGCS(t)))
	suite.Large = 11<<20 + 12_345
	suite.StorageClass = "NEARLINE"
	suite.Continued = true
	backendtest.Run(t, suite)
}

// settings are the configuration of a client of server.
func settings(server *testservers.FakeGCS) *config.Config {
	cfg := config.Default()
	cfg.Env = server.Env()
	return &cfg
}

func connect(t testing.TB, cfg *config.Config) backend.Backend {
	t.Helper()
	return backendtest.Connect(t, "gs", cfg)
}

func newBucket(t testing.TB, server *testservers.FakeGCS) string {
	t.Helper()
	return backendtest.NewContainer(t, "gs", settings(server))
}
