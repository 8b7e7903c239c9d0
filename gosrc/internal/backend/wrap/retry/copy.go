package retry

import (
	"context"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// CopyLimit is 0 where the store does not copy; then Copy is not called.
func (b *Backend) CopyLimit() int64 { return backend.CopyLimit(b.inner) }

// Copy repeats.
func (b *Backend) Copy(ctx context.Context, from uri.URI, etag string, to uri.URI) (backend.Info, error) {
	return do(ctx, b, "copy", to, func() (backend.Info, error) {
		return b.inner.(backend.Copier).Copy(ctx, from, etag, to)
	})
}

// CreateCopy repeats, and so does what Create does of its uploads.
func (b *Backend) CreateCopy(ctx context.Context, u uri.URI, a *backend.Attributes) (backend.CopyUpload, error) {
	inner, err := do(ctx, b, "put", u, func() (backend.CopyUpload, error) {
		return b.inner.(backend.Copier).CreateCopy(ctx, u, a)
	})
	if err != nil {
		return nil, err
	}
	return &copyUpload{upload{inner, b, u}, inner}, nil
}

type copyUpload struct {
	upload
	copier backend.CopyUpload
}

func (up *copyUpload) CopyPart(ctx context.Context, n int, from uri.URI, r backend.Range, etag string) error {
	return run(ctx, up.b, "copy", up.u, func() error { return up.copier.CopyPart(ctx, n, from, r, etag) })
}
