package faultsuite

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// upload stores the object's bytes in parts of the least size.
func (o *object) upload(store *wrap.Store) {
	o.Helper()
	up, err := store.Create(o.Context(), o.u, nil)
	if err != nil {
		o.Fatal(err)
	}
	size := int(up.PartSize(1 << 20))
	for n, from := 0, 0; from < len(o.data); n, from = n+1, from+size {
		if err := up.WritePart(o.Context(), n, o.data[from:min(from+size, len(o.data))]); err != nil {
			o.Fatal(err)
		}
	}
	info, err := up.Commit(o.Context(), (len(o.data)+size-1)/size)
	if err != nil {
		o.Fatal(err)
	}
	if info.Size != int64(len(o.data)) || info.ETag == "" {
		o.Errorf("stored: %+v", info)
	}
}

// Every request that writes is carried out, and its first answer lost. What was
// to be stored is stored, whatever the client takes to find that out.
func lostAnswers(t *testing.T, s Suite) {
	o := newObject(t, s.Shared(t), 6<<20+12_345)
	store, between := o.behind(0)
	var mu sync.Mutex
	seen := map[string]bool{}
	between.Spoil(func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) bool {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			return false
		}
		name := r.Method + " " + r.URL.String() + r.Header.Get("Content-Range")
		mu.Lock()
		known := seen[name]
		seen[name] = true
		mu.Unlock()
		if known {
			return false
		}
		pass(httptest.NewRecorder())
		cut(w)
		return true
	})
	put := *o
	put.u, put.data = o.u.WithKey(o.u.Key+"-put"), backendtest.Content(9, 70_000)
	if _, err := store.Put(t.Context(), put.u, put.data, nil); err != nil {
		t.Error(err)
	}
	o.u = o.u.WithKey(o.u.Key + "-uploaded")
	o.upload(store)
	between.Spoil(nil)
	for _, o := range []*object{o, &put} {
		if err := o.read(store, nil); err != nil {
			t.Errorf("%s: %v", o.u, err)
		}
	}
	if len(seen) < 3 { // a Put, and an upload that takes two requests at least
		t.Errorf("the answers lost are those to %v", seen)
	}
}

// A program dies in the middle of an upload over what was there before.
func uploadGivenUp(t *testing.T, s Suite) {
	o := newObject(t, s.Shared(t), 100_000)
	store := o.open(o.server.own())
	for _, u := range []string{o.u.Key, o.u.Key + "-new"} {
		up, err := store.Create(t.Context(), o.u.WithKey(u), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := up.WritePart(t.Context(), 0, backendtest.Content(3, int(up.PartSize(1<<20)))); err != nil {
			t.Fatal(err)
		}
	}
	after := o.open(o.server.own())
	if err := o.read(after, nil); err != nil {
		t.Error(err)
	}
	if _, err := after.Stat(t.Context(), o.u.WithKey(o.u.Key+"-new")); errs.CodeOf(err) != errs.NotFound {
		t.Errorf("of an upload that was given up: %v", err)
	}
	var keys []string
	err := after.List(t.Context(), o.u, true, func(entries []backend.Entry) error {
		for _, e := range entries {
			keys = append(keys, e.Key)
		}
		return nil
	})
	if err != nil || len(keys) != 1 {
		t.Errorf("listed: %q, %v", keys, err)
	}
}
