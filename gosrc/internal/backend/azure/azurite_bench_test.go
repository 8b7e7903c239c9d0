package azure_test

import (
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// go test -run '^$' -bench . -benchtime 3x ./gosrc/internal/backend/azure
func BenchmarkGet(b *testing.B) { onServer(b, backendtest.Gets) }
func BenchmarkPut(b *testing.B) { onServer(b, backendtest.Puts) }

func onServer(b *testing.B, measure func(*testing.B, backend.Backend, uri.URI)) {
	server := testservers.SharedAzurite(b)
	store := connect(b, settings(server))
	defer store.Close()
	measure(b, store, uri.URI{Scheme: "az", Container: newContainer(b, server)})
}
