package s3_test

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// faulty is an object in MinIO and a client that reaches it through a proxy,
// with all that surrounds a backend.
type faulty struct {
	*testing.T
	proxy *testservers.Proxy
	store *wrap.Store
	u     uri.URI
	data  []byte
}

func newFaulty(t *testing.T, size int, change func(*config.Config)) *faulty {
	t.Helper()
	server := testservers.SharedMinIO(t)
	f := &faulty{T: t, data: backendtest.Content(uint64(size), size)}
	f.u = object(t, server, f.data)
	f.proxy = testservers.SharedToxiproxy(t).Proxy(t, server.Addr)
	cfg := settings(server)
	cfg.Endpoints = []string{f.proxy.Endpoint}
	if change != nil {
		change(cfg)
	}
	f.store = wrapped(t, cfg)
	return f
}

func wrapped(t *testing.T, cfg *config.Config) *wrap.Store {
	t.Helper()
	_, driver, err := backend.Resolve("test", "s3://any")
	if err != nil {
		t.Fatal(err)
	}
	store, err := wrap.Open(t.Context(), driver, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// read reads the object; half is called once half of it has come.
func (f *faulty) read(half func()) error {
	body, err := f.store.Open(f.Context(), f.u, backend.Whole, "")
	if err != nil {
		return err
	}
	defer body.Close()
	got := make([]byte, len(f.data))
	if _, err := io.ReadFull(body, got[:len(got)/2]); err != nil {
		return err
	}
	if half != nil {
		half()
	}
	if _, err := io.ReadFull(body, got[len(got)/2:]); err != nil {
		return err
	}
	if n, err := body.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		f.Errorf("after the last byte: %d, %v", n, err)
	}
	if !bytes.Equal(got, f.data) {
		f.Error("the bytes read are not those stored")
	}
	return nil
}

// awaitFailures waits until the store has noticed n failures.
func (f *faulty) awaitFailures(n int64) {
	for deadline := time.Now().Add(30 * time.Second); f.store.Stats().Failures < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.Errorf("no failure was noticed: %+v", f.store.Stats())
			return
		}
	}
}

// Every connection ends after 3 MB, so that a body needs several.
func TestBodyCutShort(t *testing.T) {
	f := newFaulty(t, 10<<20, nil)
	f.proxy.Toxic(t, "limit_data", map[string]any{"bytes": 3 << 20})
	if err := f.read(nil); err != nil {
		t.Error(err)
	}
	if s := f.store.Stats(); s.Requests != 1 || s.Failures < 3 || s.Attempts < 4 || s.BytesRead != int64(len(f.data)) {
		t.Errorf("statistics: %+v", s)
	}
}

// The connection is reset while data is on its way.
func TestResetInBody(t *testing.T) {
	f := newFaulty(t, 8<<20, nil)
	f.proxy.Toxic(t, "bandwidth", map[string]any{"rate": 10_000}) // KB/s: time to interfere
	var saboteur sync.WaitGroup
	err := f.read(func() {
		saboteur.Go(func() {
			remove := f.proxy.Toxic(t, "reset_peer", map[string]any{"timeout": 0})
			f.awaitFailures(1)
			remove()
		})
	})
	saboteur.Wait()
	if err != nil {
		t.Error(err)
	}
	if s := f.store.Stats(); s.Failures == 0 {
		t.Errorf("nothing was reset: %+v", s)
	}
}

// The data stops coming in the middle of a body, and the connection stays. That
// is a Timeout, which the retries get over.
func TestStall(t *testing.T) {
	server := testservers.MinIO(t, testservers.Options{})
	cfg := settings(server)
	cfg.RequestTimeout = seconds(0.4)
	f := &faulty{T: t, store: wrapped(t, cfg), data: backendtest.Content(1, 32<<20)} // more than the socket buffers hold
	f.u = object(t, server, f.data)
	var healer sync.WaitGroup
	err := f.read(func() {
		server.Freeze(t)
		healer.Go(func() {
			f.awaitFailures(1)
			server.Thaw(t)
		})
	})
	healer.Wait()
	if err != nil {
		t.Error(err)
	}
	cfg.MaxAttempts = 1
	f.store = wrapped(t, cfg)
	defer server.Thaw(t)
	if err := f.read(func() { server.Freeze(t) }); errs.CodeOf(err) != errs.Timeout {
		t.Errorf("without retries: %v", err)
	}
}

// A header in small pieces is a header all the same.
func TestSlicedAnswers(t *testing.T) {
	f := newFaulty(t, 100_000, nil)
	f.proxy.Toxic(t, "slicer", map[string]any{"average_size": 50, "size_variation": 20, "delay": 0})
	if err := f.read(nil); err != nil {
		t.Error(err)
	}
	if s := f.store.Stats(); s.Failures != 0 {
		t.Errorf("statistics: %+v", s)
	}
}

// The server is not there yet when the work begins.
func TestServerComesUp(t *testing.T) {
	f := newFaulty(t, 1<<20, nil)
	f.proxy.Enable(t, false)
	var healer sync.WaitGroup
	healer.Go(func() {
		f.awaitFailures(2)
		f.proxy.Enable(t, true)
	})
	if err := f.read(nil); err != nil {
		t.Error(err)
	}
	healer.Wait()
}

// An upload goes on through resets, and what it leaves is right.
func TestUploadThroughResets(t *testing.T) {
	f := newFaulty(t, 12<<20, nil)
	remove := f.proxy.Toxic(t, "reset_peer", map[string]any{"timeout": 0})
	var healer sync.WaitGroup
	healer.Go(func() {
		f.awaitFailures(1)
		remove()
	})
	u := f.u.WithKey("uploaded")
	up, err := f.store.Create(t.Context(), u, nil)
	if err != nil {
		t.Fatal(err)
	}
	healer.Wait()
	size := int(up.PartSize(1))
	for n, from := 0, 0; from < len(f.data); n, from = n+1, from+size {
		if err := up.WritePart(t.Context(), n, f.data[from:min(from+size, len(f.data))]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := up.Commit(t.Context(), (len(f.data)+size-1)/size); err != nil {
		t.Fatal(err)
	}
	f.u = u
	if err := f.read(nil); err != nil {
		t.Error(err)
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

func TestFailover(t *testing.T) {
	for _, strategy := range []string{"round_robin", "least_busy"} {
		f := newFaulty(t, 100_000, func(cfg *config.Config) {
			cfg.Endpoints = append(cfg.Endpoints, testservers.SharedMinIO(t).Endpoint, "http://"+testservers.FreeAddr(t))
			cfg.Strategy = strategy
		})
		for i := range 60 {
			if i == 30 {
				f.proxy.Enable(t, false)
			}
			if err := f.read(nil); err != nil {
				t.Fatalf("%s: read %d: %v", strategy, i, err)
			}
		}
		s := f.store.Stats().Endpoints
		if s[0].Attempts < 10 || s[1].Attempts < 20 || s[2].Failures == 0 || s[2].Attempts != s[2].Failures || s[2].Available || s[0].Available {
			t.Errorf("%s: %+v", strategy, s)
		}
	}
}
