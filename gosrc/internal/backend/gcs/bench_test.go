package gcs_test

import (
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// go test -run '^$' -bench . -benchtime 3x ./gosrc/internal/backend/gcs
func BenchmarkGet(b *testing.B) { onServer(b, backendtest.Gets) }
func BenchmarkPut(b *testing.B) { onServer(b, backendtest.Puts) }

func BenchmarkList(b *testing.B) {
	const count = 5000
	onServer(b, func(b *testing.B, store backend.Backend, base uri.URI) {
		backendtest.Fill(b, store, base, count, 1)
		backendtest.Measure(b, count/1e6, "cpu-us/key", func() {
			got := 0
			err := store.List(b.Context(), base, true, func(entries []backend.Entry) error {
				got += len(entries)
				return nil
			})
			if err != nil || got != count {
				b.Fatalf("%d keys, %v", got, err)
			}
		})
	})
}

func onServer(b *testing.B, measure func(*testing.B, backend.Backend, uri.URI)) {
	server := testservers.SharedFakeGCS(b)
	store := connect(b, settings(server))
	defer store.Close()
	measure(b, store, uri.URI{Scheme: "gs", Container: newBucket(b, server)})
}
