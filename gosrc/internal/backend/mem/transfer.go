package mem

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

type reader struct {
	ctx    context.Context
	u      uri.URI
	info   backend.Info
	rest   []byte
	length int64
}

func (r *reader) Info() backend.Info { return r.info }
func (r *reader) Len() int64         { return r.length }
func (r *reader) Close() error       { return nil }

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, errs.From(err, "get", r.u.String())
	}
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// upload keeps its parts until they are joined.
type upload struct {
	store      *store
	u          uri.URI
	attributes *backend.Attributes

	mu       sync.Mutex
	partSize int64
	parts    map[int][]byte // nil once committed or aborted
}

func (c client) Create(ctx context.Context, u uri.URI, a *backend.Attributes) (backend.Upload, error) {
	return c.create(ctx, u, a)
}

func (c client) create(ctx context.Context, u uri.URI, a *backend.Attributes) (backend.CopyUpload, error) {
	err := c.in(ctx, "put", u, false, func(*container) error { return nil })
	if err != nil {
		return nil, err
	}
	return &upload{store: c.store, u: u, attributes: a, parts: map[int][]byte{}}, nil
}

func (up *upload) PartSize(wanted int64) int64 {
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.partSize == 0 {
		up.partSize = max(wanted, 1)
	}
	return up.partSize
}

func (up *upload) WritePart(ctx context.Context, n int, data []byte) error {
	if err := ctx.Err(); err != nil {
		return errs.From(err, "put", up.u.String())
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	switch {
	case up.parts == nil:
		return up.closed()
	case n < 0 || int64(len(data)) > up.partSize:
		return errs.New(errs.Invalid, "put", up.u.String(), "part %d of %d bytes: parts have %d bytes", n, len(data), up.partSize)
	}
	up.parts[n] = bytes.Clone(data)
	return nil
}

func (up *upload) Commit(ctx context.Context, parts int) (backend.Info, error) {
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.parts == nil {
		return backend.Info{}, up.closed()
	}
	var whole []byte
	for n := range parts {
		part, ok := up.parts[n]
		if !ok || n < parts-1 && int64(len(part)) != up.partSize {
			return backend.Info{}, errs.New(errs.Invalid, "put", up.u.String(), "part %d of %d is missing or incomplete", n, parts)
		}
		whole = append(whole, part...)
	}
	info, err := up.store.publish(ctx, up.u, whole, up.attributes)
	if err == nil {
		up.parts = nil
	}
	return info, err
}

func (up *upload) Abort(context.Context) error {
	up.mu.Lock()
	defer up.mu.Unlock()
	up.parts = nil
	return nil
}

func (up *upload) closed() error {
	return errs.New(errs.Closed, "put", up.u.String(), "the upload is already finished")
}
