package s3_test

import (
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// go test -run '^$' -bench . -benchtime 3x ./gosrc/internal/backend/s3
func BenchmarkGet(b *testing.B) { onServers(b, backendtest.Gets) }
func BenchmarkPut(b *testing.B) { onServers(b, backendtest.Puts) }

func onServers(b *testing.B, measure func(*testing.B, backend.Backend, uri.URI)) {
	for name, server := range map[string]*testservers.S3{"minio": testservers.SharedMinIO(b), "versitygw": testservers.SharedVersityGW(b)} {
		b.Run(name, func(b *testing.B) {
			store := connect(b, settings(server))
			defer store.Close()
			measure(b, store, uri.URI{Scheme: "s3", Container: newBucket(b, server)})
		})
	}
}
