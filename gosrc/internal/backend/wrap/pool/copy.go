package pool

import (
	"context"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// CopyLimit is 0 where the stores do not copy; then Copy is not called.
func (p *Pool) CopyLimit() int64 { return backend.CopyLimit(p.members[0].Backend) }

// Copy copies at one endpoint. One that has another version of the source is passed over.
func (p *Pool) Copy(ctx context.Context, from uri.URI, etag string, to uri.URI) (backend.Info, error) {
	return at(ctx, p, func(m *member) (backend.Info, error) {
		return m.Backend.(backend.Copier).Copy(ctx, from, etag, to)
	})
}

// CreateCopy starts an upload that stays with its endpoint.
func (p *Pool) CreateCopy(ctx context.Context, u uri.URI, a *backend.Attributes) (backend.CopyUpload, error) {
	return at(ctx, p, func(m *member) (backend.CopyUpload, error) {
		inner, err := m.Backend.(backend.Copier).CreateCopy(ctx, u, a)
		if err != nil {
			return nil, err
		}
		return &copyUpload{upload{Upload: inner, member: m, pool: p}, inner}, nil
	})
}

type copyUpload struct {
	upload
	copier backend.CopyUpload
}

func (u *copyUpload) CopyPart(ctx context.Context, n int, from uri.URI, r backend.Range, etag string) error {
	return u.do(func() error { return u.copier.CopyPart(ctx, n, from, r, etag) })
}
