package retry

import (
	"context"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Create repeats, and so do the parts, the commit and the abort of the upload.
// An upload begun twice without our learning of it stays without parts.
func (b *Backend) Create(ctx context.Context, u uri.URI, a *backend.Attributes) (backend.Upload, error) {
	inner, err := do(ctx, b, "put", u, func() (backend.Upload, error) { return b.inner.Create(ctx, u, a) })
	if err != nil {
		return nil, err
	}
	return &upload{inner, b, u}, nil
}

type upload struct {
	backend.Upload
	b *Backend
	u uri.URI
}

func (up *upload) WritePart(ctx context.Context, n int, data []byte) error {
	return run(ctx, up.b, "put", up.u, func() error { return up.Upload.WritePart(ctx, n, data) })
}

func (up *upload) Commit(ctx context.Context, parts int) (backend.Info, error) {
	return do(ctx, up.b, "put", up.u, func() (backend.Info, error) { return up.Upload.Commit(ctx, parts) })
}

func (up *upload) Abort(ctx context.Context) error {
	return run(ctx, up.b, "put", up.u, func() error { return up.Upload.Abort(ctx) })
}
