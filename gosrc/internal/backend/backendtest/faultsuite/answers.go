package faultsuite

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// behind opens a store that reaches the server past an Interposer, with at most
// so many attempts; 0: as many as it takes.
func (o *object) behind(maxAttempts int) (*wrap.Store, *Interposer) {
	o.Helper()
	between := NewInterposer(o, o.server.Addr)
	cfg := o.server.at(between.Endpoint)
	cfg.MaxAttempts = maxAttempts
	return o.open(cfg), between
}

// A service that has too much to do is given the time that it asks for.
func throttled(t *testing.T, s Suite) {
	o := newObject(t, s.Shared(t), 100_000)
	for status, after := range map[int]string{http.StatusServiceUnavailable: "7", http.StatusTooManyRequests: "3"} {
		once, between := o.behind(1)
		between.Refuse(1, status, map[string]string{"Retry-After": after})
		var e *errs.Error
		want := float64(after[0] - '0')
		if err := o.read(once, nil); !errors.As(err, &e) || e.Code != errs.Throttled || !e.Retryable() || e.Retry.AfterSeconds != want || e.Status != status {
			t.Errorf("HTTP %d: %v, to be tried again after %+v", status, err, e)
		}
		again, between := o.behind(0)
		between.Refuse(2, status, map[string]string{"Retry-After": "1"})
		if err := o.read(again, nil); err != nil {
			t.Errorf("HTTP %d, twice: %v", status, err)
		}
		if s := again.Stats(); s.Failures != 2 {
			t.Errorf("HTTP %d, twice: %+v", status, s)
		}
	}
}

// What a balancer says of a server that is gone is no answer of the store.
func serverErrors(t *testing.T, s Suite) {
	o := newObject(t, s.Shared(t), 100_000)
	for _, status := range []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout} {
		once, between := o.behind(1)
		between.Refuse(1, status, nil)
		if err := o.read(once, nil); !errs.From(err, "", "").Retryable() {
			t.Errorf("HTTP %d: %v", status, err)
		}
		again, between := o.behind(0)
		between.Refuse(1, status, nil)
		if err := o.read(again, nil); err != nil || again.Stats().Failures != 1 {
			t.Errorf("HTTP %d, once: %v, %+v", status, err, again.Stats())
		}
	}
}

// The first answer to a read ends in the middle of what it has announced.
func halfAnswers(t *testing.T, s Suite) {
	o := newObject(t, s.Shared(t), 300_000)
	half := func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) bool {
		if r.Method != http.MethodGet {
			return false
		}
		whole := httptest.NewRecorder()
		pass(whole)
		for name, values := range whole.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(whole.Code)
		_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2]) // the rest is what is missing
		panic(http.ErrAbortHandler)
	}
	once, between := o.behind(1)
	between.Spoil(half)
	if err := o.read(once, nil); !errs.From(err, "", "").Retryable() {
		t.Errorf("half of an object: %v", err)
	}
	again, between := o.behind(0)
	first := true
	between.Spoil(func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) bool {
		spoil := first
		first = false
		return spoil && half(w, r, pass)
	})
	if err := o.read(again, nil); err != nil || again.Stats().Failures != 1 {
		t.Errorf("half an answer, and the rest: %v, %+v", err, again.Stats())
	}
}

// The second range of an object that has been overwritten since the first.
func overwrittenBetweenRanges(t *testing.T, s Suite) {
	o := newObject(t, s.Shared(t), 200_000)
	store, _ := o.through()
	body, err := store.Open(t.Context(), o.u, backend.Range{Offset: 0, Length: 100_000}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		t.Fatal(err)
	}
	etag := body.Info().ETag
	body.Close()
	o.overwrite(backendtest.Content(7, len(o.data)))
	rest, err := store.Open(t.Context(), o.u, backend.Range{Offset: 100_000, Length: 100_000}, etag)
	if err == nil { // a store may keep versions: then it is the old one
		var got []byte
		if got, err = io.ReadAll(rest); err == nil && !bytes.Equal(got, o.data[100_000:]) {
			t.Error("bytes of another version")
		}
		rest.Close()
	}
	if err != nil && errs.CodeOf(err) != errs.Changed {
		t.Errorf("got %v, want Changed", err)
	}
}

// A read breaks off, and when it goes on, the object is another one.
func overwrittenWhileItBreaks(t *testing.T, s Suite) {
	o := newObject(t, s.Shared(t), 10<<20)
	store, proxy := o.through()
	proxy.Toxic(t, "limit_data", map[string]any{"bytes": 6 << 20})
	other := backendtest.Content(8, len(o.data))
	err := o.read(store, func() { o.overwrite(other) })
	if err != nil && errs.CodeOf(err) != errs.Changed {
		t.Errorf("got %v, want Changed", err)
	}
	if store.Stats().Failures == 0 {
		t.Error("nothing broke")
	}
}
