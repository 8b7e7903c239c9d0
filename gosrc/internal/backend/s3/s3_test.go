package s3_test

import (
	"maps"
	"os"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/s3"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
)

func TestMain(m *testing.M) { os.Exit(testservers.Run(m)) }

func TestConformanceMinIO(t *testing.T) {
	conformance(t, testservers.SharedMinIO(t), "REDUCED_REDUNDANCY")
}
func TestConformanceVersityGW(t *testing.T) { conformance(t, testservers.SharedVersityGW(t), "") }

func conformance(t *testing.T, server *testservers.S3, storageClass string) {
	suite := backendtest.Remote(t, "s3", settings(server))
	suite.Large = 11<<20 + 12_345 // three parts
	suite.StorageClass = storageClass
	suite.Continued = true
	backendtest.Run(t, suite)
}

// settings are the configuration of a client of server.
func settings(server *testservers.S3) *config.Config {
	cfg := config.Default()
	cfg.Endpoints = []string{server.Endpoint}
	cfg.Env = maps.Clone(server.Env())
	return &cfg
}

func connect(t testing.TB, cfg *config.Config) backend.Backend {
	t.Helper()
	return backendtest.Connect(t, "s3", cfg)
}

func newBucket(t testing.TB, server *testservers.S3) string {
	t.Helper()
	return backendtest.NewContainer(t, "s3", settings(server))
}
