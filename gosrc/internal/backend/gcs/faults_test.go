package gcs_test

import (
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest/faultsuite"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
)

// Faults of the network and of the server, see the suite.
func TestFaults(t *testing.T) {
	faultsuite.Run(t, faultsuite.Suite{
		Shared: func(t testing.TB) faultsuite.Server { return faulty(t, testservers.SharedFakeGCS(t)) },
		Own:    func(t testing.TB) faultsuite.Server { return faulty(t, testservers.NewFakeGCS(t)) },
	})
}

func faulty(t testing.TB, server *testservers.FakeGCS) faultsuite.Server {
	cfg := settings(server)
	cfg.Anonymous = true // away from the address that STORAGE_EMULATOR_HOST names there would be credentials to find
	return faultsuite.Server{
		Addr: server.Addr, Config: cfg, Place: backendtest.Places("gs", newBucket(t, server)),
		Freeze: server.Freeze, Thaw: server.Thaw,
	}
}
