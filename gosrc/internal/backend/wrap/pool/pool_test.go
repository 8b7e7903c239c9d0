package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

var place = uri.URI{Scheme: "test", Container: "c", Key: "k"}

// endpoint is a store with one object, of ten bytes, that fails when told to.
type endpoint struct {
	backend.Backend // nil: methods that a test does not expect panic
	etag            string
	fail            error
	calls           int
	closed          bool
}

func (e *endpoint) Stat(context.Context, uri.URI) (backend.Info, error) {
	e.calls++
	return backend.Info{Size: 10, ETag: e.etag}, e.fail
}

func (e *endpoint) CreateContainer(context.Context, uri.URI) error {
	e.calls++
	return e.fail
}

func (e *endpoint) Put(_ context.Context, _ uri.URI, data []byte, _ *backend.Attributes) (backend.Info, error) {
	e.calls++
	return backend.Info{Size: int64(len(data))}, e.fail
}

func (e *endpoint) List(_ context.Context, _ uri.URI, _ bool, page func([]backend.Entry) error) error {
	e.calls++
	return page([]backend.Entry{{Key: "k"}})
}

func (e *endpoint) Open(_ context.Context, u uri.URI, _ backend.Range, etag string) (backend.Reader, error) {
	e.calls++
	if e.fail != nil {
		return nil, e.fail
	}
	if etag != "" && etag != e.etag {
		changed := errs.New(errs.Changed, "get", u.String(), "the object has changed")
		changed.Status = 412
		return nil, changed
	}
	return &body{strings.NewReader("0123456789"), e}, nil
}

func (e *endpoint) Create(context.Context, uri.URI, *backend.Attributes) (backend.Upload, error) {
	e.calls++
	return &parts{e: e}, e.fail
}

func (e *endpoint) Close() error {
	e.closed = true
	return e.fail
}

type body struct {
	io.Reader
	e *endpoint
}

func (b *body) Info() backend.Info { return backend.Info{Size: 10, ETag: b.e.etag} }
func (b *body) Len() int64         { return 10 }
func (b *body) Close() error       { return nil }

type parts struct {
	backend.Upload
	e *endpoint
}

func (p *parts) WritePart(context.Context, int, []byte) error {
	p.e.calls++
	return p.e.fail
}

func failure(code errs.Code) *errs.Error { return errs.New(code, "stat", place.String(), "on purpose") }

// pooled is a pool of n endpoints that work.
func pooled(strategy string, n int) (*Pool, []*endpoint) {
	var endpoints []*endpoint
	var stores []backend.Backend
	var names []string
	for i := range n {
		endpoints = append(endpoints, &endpoint{etag: "v1"})
		stores = append(stores, endpoints[i])
		names = append(names, fmt.Sprint("http://e", i))
	}
	return New(strategy, names, stores), endpoints
}

func calls(endpoints []*endpoint) (out []int) {
	for _, e := range endpoints {
		out = append(out, e.calls)
		e.calls = 0
	}
	return out
}

func stat(t *testing.T, p *Pool, times int) {
	t.Helper()
	for range times {
		if _, err := p.Stat(t.Context(), place); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRoundRobin(t *testing.T) {
	p, endpoints := pooled("round_robin", 3)
	stat(t, p, 9)
	if got := fmt.Sprint(calls(endpoints)); got != "[3 3 3]" {
		t.Errorf("calls %s", got)
	}
}

func TestLeastBusy(t *testing.T) {
	p, endpoints := pooled("least_busy", 3)
	var bodies []backend.Reader
	for range 2 { // two endpoints are busy
		b, err := p.Open(t.Context(), place, backend.Whole, "")
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, b)
	}
	busy := calls(endpoints)
	stat(t, p, 6)
	for i, n := range calls(endpoints) {
		if want := 6 * (1 - busy[i]); n != want {
			t.Errorf("endpoint %d, with %d bodies open, got %d calls", i, busy[i], n)
		}
	}
	for _, b := range bodies {
		b.Close()
		b.Close()
	}
	for _, s := range p.Stats() {
		if s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	}
}

func TestFailover(t *testing.T) {
	for _, code := range []errs.Code{errs.Connection, errs.Timeout, errs.Server, errs.Throttled} {
		synctest.Test(t, func(t *testing.T) {
			p, endpoints := pooled("round_robin", 2)
			endpoints[0].fail = failure(code)
			stat(t, p, 20)
			if got := calls(endpoints); got[0] != 1 || got[1] != 20 {
				t.Errorf("%v: calls %v", code, got)
			}
			if s := p.Stats(); s[0].Available || s[0].Failures != 1 || !s[1].Available || s[1].Attempts != 20 || p.Calls() != 20 {
				t.Errorf("%v: %+v", code, s)
			}
			time.Sleep(firstRest)
			stat(t, p, 20) // one of them tries again
			if got := calls(endpoints); got[0] != 1 || got[1] != 20 {
				t.Errorf("%v: after a rest, calls %v", code, got)
			}
			endpoints[0].fail = nil
			time.Sleep(2 * firstRest)
			stat(t, p, 20)
			if got := calls(endpoints); got[0] < 9 || !p.Stats()[0].Available {
				t.Errorf("%v: recovered, calls %v", code, got)
			}
		})
	}
}

func TestRestGrowsToALimit(t *testing.T) {
	if rest(1) != firstRest || rest(3) != 4*firstRest || rest(30) != longestRest || rest(1<<30) != longestRest {
		t.Error(rest(1), rest(3), rest(30), rest(1<<30))
	}
}

func TestAllFail(t *testing.T) {
	p, endpoints := pooled("round_robin", 3)
	for _, e := range endpoints {
		e.fail = failure(errs.Connection)
	}
	for range 3 { // also when all are put aside
		_, err := p.Stat(t.Context(), place)
		var e *errs.Error
		if !errors.As(err, &e) || e.Code != errs.Connection || e.Attempts != 3 {
			t.Errorf("%v", err)
		}
	}
	if p.Answered() {
		t.Error("nobody has answered")
	}
	endpoints[1].fail = &errs.Error{Code: errs.Server, Status: 500}
	if _, err := p.Stat(t.Context(), place); err == nil || !p.Answered() {
		t.Errorf("an HTTP status is an answer: %v", err)
	}
}

// What concerns the object, and not the endpoint, is the answer.
func TestNoFailoverOnAnswers(t *testing.T) {
	for _, code := range []errs.Code{errs.NotFound, errs.Permission, errs.Invalid, errs.Cancelled} {
		p, endpoints := pooled("round_robin", 2)
		endpoints[0].fail, endpoints[1].fail = failure(code), failure(code)
		if _, err := p.Stat(t.Context(), place); errs.CodeOf(err) != code || endpoints[0].calls+endpoints[1].calls != 1 {
			t.Errorf("%v, calls %v", err, calls(endpoints))
		}
		if s := p.Stats(); s[0].Failures+s[1].Failures != 0 || !s[0].Available || !s[1].Available {
			t.Errorf("%v: %+v", code, s)
		}
	}
}

// A pinned read goes to the endpoint that has the version; where none has it,
// or the only one that has it is down, the object has changed.
func TestPinnedReads(t *testing.T) {
	p, endpoints := pooled("round_robin", 2)
	endpoints[1].etag = "v2"
	for range 10 {
		b, err := p.Open(t.Context(), place, backend.Whole, "v2")
		if err != nil || b.Info().ETag != "v2" {
			t.Fatalf("%v", err)
		}
		b.Close()
	}
	if s := p.Stats(); s[0].Failures != 0 || !s[0].Available {
		t.Errorf("%+v", s)
	}
	if _, err := p.Open(t.Context(), place, backend.Whole, "v3"); errs.CodeOf(err) != errs.Changed {
		t.Errorf("%v", err)
	}
	endpoints[1].fail = failure(errs.Connection)
	for range 2 {
		if _, err := p.Open(t.Context(), place, backend.Whole, "v2"); errs.CodeOf(err) != errs.Changed {
			t.Errorf("%v", err)
		}
	}
}

// Work that must not be repeated without the caller's knowledge is not.
func TestContainersOnce(t *testing.T) {
	p, endpoints := pooled("round_robin", 2)
	endpoints[0].fail, endpoints[1].fail = failure(errs.Timeout), failure(errs.Timeout)
	if err := p.CreateContainer(t.Context(), place); errs.CodeOf(err) != errs.Timeout || endpoints[0].calls+endpoints[1].calls != 1 {
		t.Errorf("%v, calls %v", err, calls(endpoints))
	}
}

func TestUploadStays(t *testing.T) {
	p, endpoints := pooled("round_robin", 3)
	up, err := p.Create(t.Context(), place, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		if err := up.WritePart(t.Context(), n, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	var busy, written int64
	for i, n := range calls(endpoints) {
		if n > 0 {
			busy++
		}
		written += p.Stats()[i].BytesWritten
	}
	if busy != 1 || written != 500 {
		t.Errorf("%d endpoints took part, %d bytes", busy, written)
	}
}

func TestBytesAreCounted(t *testing.T) {
	p, _ := pooled("round_robin", 1)
	b, err := p.Open(t.Context(), place, backend.Whole, "")
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Stats()[0]; s.InFlight != 1 {
		t.Errorf("%+v", s)
	}
	if _, err := io.ReadAll(b); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if _, err := p.Put(t.Context(), place, make([]byte, 33), nil); err != nil {
		t.Fatal(err)
	}
	if s := p.Stats()[0]; s.BytesRead != 10 || s.BytesWritten != 33 || s.InFlight != 0 || s.Attempts != 2 || s.Endpoint != "http://e0" {
		t.Errorf("%+v", s)
	}
}

// That the consumer of a listing wants no more is no failure of the endpoint.
func TestListEndedByTheConsumer(t *testing.T) {
	p, _ := pooled("round_robin", 1)
	refusal := failure(errs.Timeout)
	err := p.List(t.Context(), place, true, func([]backend.Entry) error { return refusal })
	if !errors.Is(err, refusal) || p.Stats()[0].Failures != 0 {
		t.Errorf("%v, %+v", err, p.Stats())
	}
}

func TestCloseAll(t *testing.T) {
	p, endpoints := pooled("round_robin", 2)
	endpoints[0].fail = failure(errs.IO)
	if err := p.Close(); errs.CodeOf(err) != errs.IO || !endpoints[0].closed || !endpoints[1].closed {
		t.Errorf("%v", err)
	}
}
