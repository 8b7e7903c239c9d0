package azure_test

import (
	"maps"
	"os"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/azure"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
)

func TestMain(m *testing.M) { os.Exit(testservers.Run(m)) }

func TestConformance(t *testing.T) {
	suite := backendtest.Remote(t, "az", settings(testservers.SharedAzurite(t)))
	suite.StorageClass = "Cool"
	suite.Identifiers = true
	backendtest.Run(t, suite)
}

// settings are the configuration of a client of server.
func settings(server *testservers.Azurite) *config.Config {
	cfg := config.Default()
	cfg.Endpoints = []string{"http://" + server.Addr}
	cfg.Env = maps.Clone(server.Env())
	return &cfg
}

func connect(t testing.TB, cfg *config.Config) backend.Backend {
	t.Helper()
	return backendtest.Connect(t, "az", cfg)
}

func newContainer(t testing.TB, server *testservers.Azurite) string {
	t.Helper()
	return backendtest.NewContainer(t, "az", settings(server))
}

var whole = backend.Whole
