package gcs

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest/faultsuite"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Each token is good for three requests, long before it says: reads, writes and
// listings go on with as many tokens as it takes, and nobody notices.
func TestTokensExpire(t *testing.T) {
	const good = 3
	between := faultsuite.NewInterposer(t, testservers.SharedFakeGCS(t).Addr)
	var mu sync.Mutex
	used := map[string]int{}
	between.Spoil(func(w http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) bool {
		mu.Lock()
		defer mu.Unlock()
		token := r.Header.Get("Authorization")
		used[token]++
		if token != "" && used[token] <= good {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body) // as the service does
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	i := newIdentity(t)
	cfg := configured("GOOGLE_APPLICATION_CREDENTIALS", serviceAccount(t, t.TempDir(), map[string]string{"token_uri": i.URL}))
	cfg.Endpoints = []string{between.Endpoint}
	u := uri.URI{Scheme: "gs", Container: "tokens-expire", Key: "object"}
	_, driver, err := backend.Resolve("test", u.String())
	if err != nil {
		t.Fatal(err)
	}
	store, err := wrap.Open(t.Context(), driver, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.CreateContainer(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	data := backendtest.Content(1, 5*quantum+100)
	up, err := store.Create(t.Context(), u, nil)
	if err != nil {
		t.Fatal(err)
	}
	size := int(up.PartSize(quantum))
	for n, from := 0, 0; from < len(data); n, from = n+1, from+size {
		if err := up.WritePart(t.Context(), n, data[from:min(from+size, len(data))]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := up.Commit(t.Context(), 6); err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		if _, err := store.Put(t.Context(), u.WithKey("put"), data[:n], nil); err != nil {
			t.Fatal(err)
		}
		body, err := store.Open(t.Context(), u, backend.Whole, "")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		body.Close()
		if err := store.List(t.Context(), u.WithKey(""), true, func([]backend.Entry) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if s := store.Stats(); s.Failures != 0 || len(i.asked) < 10 {
		t.Errorf("%d tokens, %+v", len(i.asked), s)
	}
}
