package s3_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest/faultsuite"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Faults of the network and of the server, see the suite.
func TestFaults(t *testing.T) {
	faultsuite.Run(t, faultsuite.Suite{
		Shared: func(t testing.TB) faultsuite.Server { return faulty(t, testservers.SharedMinIO(t)) },
		Own:    func(t testing.TB) faultsuite.Server { return faulty(t, testservers.MinIO(t, testservers.Options{})) },
	})
}

func faulty(t testing.TB, server *testservers.S3) faultsuite.Server {
	return faultsuite.Server{
		Addr: server.Addr, Config: settings(server), Place: backendtest.Places("s3", newBucket(t, server)),
		Freeze: server.Freeze, Thaw: server.Thaw,
	}
}

// The answer to a commit is lost: the next one finds the upload gone.
func TestCommitTwice(t *testing.T) {
	both(t, func(t *testing.T, server *testservers.S3) {
		store := connect(t, settings(server))
		defer store.Close()
		u := uri.URI{Scheme: "s3", Container: newBucket(t, server), Key: "object"}
		up, err := store.Create(t.Context(), u, nil)
		if err != nil {
			t.Fatal(err)
		}
		for n, part := range [][]byte{backendtest.Content(1, 5<<20), backendtest.Content(2, 1000)} {
			if err := up.WritePart(t.Context(), n, part); err != nil {
				t.Fatal(err)
			}
		}
		first, err := up.Commit(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		second, err := up.Commit(t.Context(), 2)
		if err != nil || second.ETag != first.ETag || second.Size != first.Size {
			t.Errorf("the second commit: %+v, %v; the first was %+v", second, err, first)
		}
	})
}

// An upload that is gone and an object that is another one: no success.
func TestCommitOverwritten(t *testing.T) {
	server := testservers.SharedMinIO(t) // versitygw says that all is well
	store := connect(t, settings(server))
	defer store.Close()
	u := uri.URI{Scheme: "s3", Container: newBucket(t, server), Key: "object"}
	up, err := store.Create(t.Context(), u, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := up.WritePart(t.Context(), 0, []byte("the last part may be small")); err != nil {
		t.Fatal(err)
	}
	if _, err := up.Commit(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), u, []byte("the last part may be LARGE"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := up.Commit(t.Context(), 1); errs.CodeOf(err) != errs.NotFound {
		t.Errorf("the second commit: %v", err)
	}
}

// A server that has too much to do is heard: MinIO asks for a minute.
func TestSlowDown(t *testing.T) {
	server := testservers.MinIO(t, testservers.Options{Env: []string{"MINIO_API_REQUESTS_MAX=1", "MINIO_API_REQUESTS_DEADLINE=1ms"}})
	u := uri.URI{Scheme: "s3", Container: newBucket(t, server)}
	store := connect(t, settings(server))
	defer store.Close()
	data := backendtest.Content(1, 1<<20)
	var all sync.WaitGroup
	var slowed atomic.Int64
	for i := range 16 {
		all.Go(func() {
			_, err := store.Put(t.Context(), u.WithKey(string(rune('a'+i))), data, nil)
			var e *errs.Error
			switch {
			case err == nil:
			case errors.As(err, &e) && e.Code == errs.Throttled && e.Retryable() && e.Retry.AfterSeconds == 60:
				slowed.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if slowed.Load() == 0 {
		t.Error("16 requests at once were all served by a server that serves one")
	}
}
