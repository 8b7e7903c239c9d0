// Package logged makes a Backend of another that writes its operations to the
// op-log, where one is on.
package logged

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap/pool"
	"github.com/s3dlio/s3dlio/gosrc/internal/oplog"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// store is a Backend at one endpoint.
type store struct {
	backend.Backend
	scheme   string
	endpoint string // "": the store has none
}

// New wraps the store of a scheme at an endpoint.
func New(inner backend.Backend, scheme, endpoint string) backend.Backend {
	return &store{inner, scheme, endpoint}
}

// begin names things so that endpoint and file together are a URL, or the URI
// of a store without endpoints.
func (s *store) begin(op string, u uri.URI) *oplog.Record {
	endpoint := s.endpoint
	if endpoint == "" {
		endpoint = s.scheme + "://"
	}
	return oplog.Begin(op, endpoint, func() string {
		switch {
		case u.Container == "":
			return u.Key
		case s.endpoint == "":
			return u.Container + "/" + u.Key
		}
		return "/" + u.Container + "/" + u.Key
	})
}

func (s *store) Stat(ctx context.Context, u uri.URI) (backend.Info, error) {
	r := s.begin("STAT", u)
	info, err := s.Backend.Stat(ctx, u)
	r.End(1, 0, err)
	return info, err
}

func (s *store) Open(ctx context.Context, u uri.URI, want backend.Range, etag string) (backend.Reader, error) {
	r := s.begin("GET", u)
	inner, err := s.Backend.Open(ctx, u, want, etag)
	if err != nil {
		r.End(1, 0, err)
		return nil, err
	}
	if r == nil {
		return inner, nil
	}
	return &reader{Reader: inner, record: r}, nil
}

func (s *store) List(ctx context.Context, u uri.URI, recursive bool, page func([]backend.Entry) error) error {
	return s.list("LIST", u, page, func(page func([]backend.Entry) error) error {
		return s.Backend.List(ctx, u, recursive, page)
	})
}

// ListAfter makes every store a pool.Continued: one that is not begins at the start.
func (s *store) ListAfter(ctx context.Context, u uri.URI, recursive bool, after string, page func([]backend.Entry) error) error {
	from, ok := s.Backend.(pool.Continued)
	if !ok {
		return s.List(ctx, u, recursive, page)
	}
	return s.list("LIST", u, page, func(page func([]backend.Entry) error) error {
		return from.ListAfter(ctx, u, recursive, after, page)
	})
}

func (s *store) ListContainers(ctx context.Context, page func([]backend.Entry) error) error {
	return s.list("LIST_CONTAINERS", uri.URI{}, page, func(page func([]backend.Entry) error) error {
		return s.Backend.ListContainers(ctx, page)
	})
}

// list has one line for all pages; its objects are the entries.
func (s *store) list(op string, u uri.URI, page func([]backend.Entry) error, f func(func([]backend.Entry) error) error) error {
	r := s.begin(op, u)
	if r == nil {
		return f(page)
	}
	entries := int64(0)
	var refused error // by the consumer: no failure of the store
	err := f(func(found []backend.Entry) error {
		r.FirstByte()
		entries += int64(len(found))
		refused = page(found)
		return refused
	})
	if refused != nil {
		r.End(entries, 0, nil)
	} else {
		r.End(entries, 0, err)
	}
	return err
}

func (s *store) Put(ctx context.Context, u uri.URI, data []byte, a *backend.Attributes) (backend.Info, error) {
	r := s.begin("PUT", u)
	r.Sending()
	info, err := s.Backend.Put(ctx, u, data, a)
	r.End(1, sent(data, err), err)
	return info, err
}

func (s *store) Create(ctx context.Context, u uri.URI, a *backend.Attributes) (backend.Upload, error) {
	r := s.begin("PUT_CREATE", u)
	inner, err := s.Backend.Create(ctx, u, a)
	r.End(1, 0, err)
	if err != nil {
		return nil, err
	}
	return &upload{inner, s, u}, nil
}

func (s *store) Delete(ctx context.Context, u uri.URI) error {
	return s.simple("DELETE", u, func() error { return s.Backend.Delete(ctx, u) })
}

func (s *store) Mkdir(ctx context.Context, u uri.URI) error {
	return s.simple("MKDIR", u, func() error { return s.Backend.Mkdir(ctx, u) })
}

func (s *store) CreateContainer(ctx context.Context, u uri.URI) error {
	return s.simple("CREATE_CONTAINER", u, func() error { return s.Backend.CreateContainer(ctx, u) })
}

func (s *store) DeleteContainer(ctx context.Context, u uri.URI) error {
	return s.simple("DELETE_CONTAINER", u, func() error { return s.Backend.DeleteContainer(ctx, u) })
}

func (s *store) simple(op string, u uri.URI, f func() error) error {
	r := s.begin(op, u)
	err := f()
	r.End(1, 0, err)
	return err
}

// sent is how much payload an operation has stored.
func sent(data []byte, err error) int64 {
	if err != nil {
		return 0
	}
	return int64(len(data))
}

// upload writes a line for each of its steps.
type upload struct {
	backend.Upload
	store *store
	u     uri.URI
}

func (u *upload) WritePart(ctx context.Context, n int, data []byte) error {
	r := u.store.begin("PUT_PART", u.u)
	r.Sending()
	err := u.Upload.WritePart(ctx, n, data)
	r.End(1, sent(data, err), err)
	return err
}

func (u *upload) Commit(ctx context.Context, parts int) (backend.Info, error) {
	r := u.store.begin("PUT_COMMIT", u.u)
	info, err := u.Upload.Commit(ctx, parts)
	r.End(1, 0, err)
	return info, err
}

func (u *upload) Abort(ctx context.Context) error {
	return u.store.simple("PUT_ABORT", u.u, func() error { return u.Upload.Abort(ctx) })
}

// reader is an operation that ends with its Close, which may come while it reads.
type reader struct {
	backend.Reader
	mu     sync.Mutex
	record *oplog.Record // nil once it has ended
	bytes  int64
	err    error
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > 0 {
		r.record.FirstByte()
	}
	r.bytes += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

func (r *reader) Close() error {
	err := r.Reader.Close()
	r.mu.Lock()
	record, bytes, failure := r.record, r.bytes, r.err
	r.record = nil
	r.mu.Unlock()
	if failure == nil {
		failure = err
	}
	record.End(1, bytes, failure)
	return err
}
