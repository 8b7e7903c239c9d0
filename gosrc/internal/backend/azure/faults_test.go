package azure_test

import (
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
		Shared: func(t testing.TB) faultsuite.Server { return faulty(t, testservers.SharedAzurite(t)) },
		Own:    func(t testing.TB) faultsuite.Server { return faulty(t, testservers.NewAzurite(t)) },
	})
}

func faulty(t testing.TB, server *testservers.Azurite) faultsuite.Server {
	return faultsuite.Server{
		Addr: server.Addr, Config: settings(server), Place: backendtest.Places("az", newContainer(t, server)),
		Freeze: server.Freeze, Thaw: server.Thaw,
	}
}

// Two uploads to one key have nothing in common: the one that is committed first
// wins, and the other one, whose blocks the service has discarded by that, says so.
func TestConcurrentUploads(t *testing.T) {
	server := testservers.SharedAzurite(t)
	store := connect(t, settings(server))
	defer store.Close()
	u := uri.URI{Scheme: "az", Container: newContainer(t, server), Key: "object"}
	first, err := store.Create(t.Context(), u, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.Create(t.Context(), u, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if err := first.WritePart(t.Context(), n, backendtest.Content(uint64(n), 1000)); err != nil {
			t.Fatal(err)
		}
		if err := second.WritePart(t.Context(), n, backendtest.Content(uint64(10+n), 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := first.Commit(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	got, err := backendtest.Read(t.Context(), t, store, u, whole, "")
	if err != nil || string(got) != string(append(append(backendtest.Content(0, 1000), backendtest.Content(1, 1000)...), backendtest.Content(2, 1000)...)) {
		t.Errorf("read %d bytes that are not those of the first upload: %v", len(got), err)
	}
	if _, err := second.Commit(t.Context(), 3); errs.CodeOf(err) != errs.Changed {
		t.Errorf("the second commit: %v", err)
	}
}

// The answer to a commit is lost, and it is sent again.
func TestCommitTwice(t *testing.T) {
	server := testservers.SharedAzurite(t)
	store := connect(t, settings(server))
	defer store.Close()
	u := uri.URI{Scheme: "az", Container: newContainer(t, server), Key: "object"}
	up, err := store.Create(t.Context(), u, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		if err := up.WritePart(t.Context(), n, backendtest.Content(uint64(n), 1000)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		info, err := up.Commit(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		if stat, err := store.Stat(t.Context(), u); err != nil || stat.ETag != info.ETag || stat.Size != 2000 {
			t.Errorf("committed as %+v, there is %+v, %v", info, stat, err)
		}
	}
	if _, err := store.Put(t.Context(), u, []byte("another program's"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := up.Commit(t.Context(), 2); errs.CodeOf(err) != errs.Changed {
		t.Errorf("over another program's: %v", err)
	}
}
