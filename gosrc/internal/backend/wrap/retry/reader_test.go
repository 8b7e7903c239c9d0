package retry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// breaking is a store of one object whose bodies end with a failure after step bytes.
type breaking struct {
	backend.Backend
	data   []byte
	etag   string
	step   int
	broken error         // how a body ends too early
	slow   time.Duration // before each body
	opened []backend.Range
}

func (b *breaking) Open(_ context.Context, u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	time.Sleep(b.slow)
	if etag != "" && etag != b.etag {
		return nil, errs.New(errs.Changed, "get", u.String(), "the object has changed")
	}
	from, to, err := r.Cut("get", u, int64(len(b.data)))
	if err != nil {
		return nil, err
	}
	b.opened = append(b.opened, r)
	return &breakingBody{b: b, rest: b.data[from:to], length: to - from, left: b.step}, nil
}

type breakingBody struct {
	b      *breaking
	rest   []byte
	length int64
	left   int
}

func (r *breakingBody) Info() backend.Info {
	return backend.Info{Size: int64(len(r.b.data)), ETag: r.b.etag}
}
func (r *breakingBody) Len() int64   { return r.length }
func (r *breakingBody) Close() error { return nil }

func (r *breakingBody) Read(p []byte) (int, error) {
	switch {
	case r.left == 0:
		return 0, r.b.broken
	case len(r.rest) == 0:
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.left)], r.rest)
	r.rest, r.left = r.rest[n:], r.left-n
	return n, nil
}

func content(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i * 7)
	}
	return data
}

func readRange(t *testing.T, b *Backend, r backend.Range) ([]byte, error) {
	t.Helper()
	body, err := b.Open(t.Context(), place, r, "")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

func TestResumesAtTheByteReached(t *testing.T) {
	for _, broken := range []error{io.EOF, io.ErrUnexpectedEOF, failure(errs.Connection), failure(errs.Truncated)} {
		synctest.Test(t, func(t *testing.T) {
			store := &breaking{data: content(1000), etag: "v1", step: 300, broken: broken}
			got, err := readRange(t, New(store, policy, known), backend.Range{Offset: 50, Length: 800})
			if err != nil || !bytes.Equal(got, store.data[50:850]) {
				t.Errorf("%v: %d bytes, %v", broken, len(got), err)
			}
			if want := []backend.Range{{Offset: 50, Length: 800}, {Offset: 350, Length: 500}, {Offset: 650, Length: 200}}; !slices.Equal(store.opened, want) {
				t.Errorf("%v: opened %v", broken, store.opened)
			}
		})
	}
}

// A failure behind the last byte is none.
func TestFailureAtTheEnd(t *testing.T) {
	store := &breaking{data: content(300), etag: "v1", step: 300, broken: failure(errs.Connection)}
	if got, err := readRange(t, New(store, policy, known), backend.Whole); err != nil || len(got) != 300 || len(store.opened) != 1 {
		t.Errorf("%d bytes, %v, opened %v", len(got), err, store.opened)
	}
}

func TestNeverSplices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &breaking{data: content(1000), etag: "v1", step: 300, broken: failure(errs.Connection)}
		body, err := New(store, policy, known).Open(t.Context(), place, backend.Whole, "")
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		if _, err := io.ReadFull(body, make([]byte, 300)); err != nil {
			t.Fatal(err)
		}
		store.etag = "v2"
		if n, err := io.Copy(io.Discard, body); n != 0 || errs.CodeOf(err) != errs.Changed {
			t.Errorf("%d bytes of another version, %v", n, err)
		}
	})
}

func TestNotResumedWithoutETag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &breaking{data: content(1000), step: 300, broken: failure(errs.Connection)}
		if got, err := readRange(t, New(store, policy, known), backend.Whole); len(got) != 300 || errs.CodeOf(err) != errs.Connection {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}

// A body that never gets on is given up; one that does has time without end.
func TestProgressRenewsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &breaking{data: content(1000), etag: "v1", step: 10, broken: failure(errs.Connection), slow: 20 * time.Second}
		start := time.Now()
		if got, err := readRange(t, New(store, policy, known), backend.Whole); err != nil || !bytes.Equal(got, store.data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if took := time.Since(start); took < 10*policy.Known {
			t.Errorf("it took only %s", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		store := &breaking{data: content(1000), etag: "v1", step: 0, broken: failure(errs.Connection)}
		start := time.Now()
		_, err := readRange(t, New(store, policy, known), backend.Whole)
		var e *errs.Error
		if !errors.As(err, &e) || e.Code != errs.Connection || e.Attempts != len(store.opened) || time.Since(start) > policy.Known {
			t.Errorf("%v after %s, opened %d times", err, time.Since(start), len(store.opened))
		}
	})
}

func TestReadAfterClose(t *testing.T) {
	store := &breaking{data: content(1000), etag: "v1", step: 1000}
	body, err := New(store, policy, known).Open(t.Context(), place, backend.Whole, "")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := body.Read(make([]byte, 1)); errs.CodeOf(err) != errs.Closed {
		t.Errorf("a closed body: %v", err)
	}
}
