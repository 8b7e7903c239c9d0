package gcs_test

import (
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest/faultsuite"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Faults of the network and of the server, see the suite.
func TestFaults(t *testing.T) {
	faultsuite.Run(t, faultsuite.Suite{
		Shared: func(t testing.TB) faultsuite.Server { return faulty(t, testservers.SharedFakeGCS(t)) },
		Own:    func(t testing.TB) faultsuite.Server { return faulty(t, testservers.NewFakeGCS(t)) },
	})
}

func faulty(t testing.TB, server *testservers.FakeGCS) faultsuite.Server {
	bucket := newBucket(t, server)
	return faultsuite.Server{
		Addr: server.Addr,
		Config: func(endpoint string) *config.Config {
			cfg := config.Default()
			cfg.Endpoints, cfg.Anonymous = []string{endpoint}, true
			return &cfg
		},
		Place:  func(testing.TB) uri.URI { return uri.URI{Scheme: "gs", Container: bucket, Key: unique("place") + "/"} },
		Freeze: server.Freeze, Thaw: server.Thaw,
	}
}
