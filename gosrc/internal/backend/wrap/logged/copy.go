package logged

import (
	"context"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// CopyLimit is 0 where the store is no backend.Copier; then Copy is not called.
func (s *store) CopyLimit() int64 { return backend.CopyLimit(s.Backend) }

// Copy moves no bytes here.
func (s *store) Copy(ctx context.Context, from uri.URI, etag string, to uri.URI) (backend.Info, error) {
	r := s.begin("COPY", to)
	info, err := s.Backend.(backend.Copier).Copy(ctx, from, etag, to)
	r.End(1, 0, err)
	return info, err
}

func (s *store) CreateCopy(ctx context.Context, u uri.URI, a *backend.Attributes) (backend.CopyUpload, error) {
	r := s.begin("PUT_CREATE", u)
	inner, err := s.Backend.(backend.Copier).CreateCopy(ctx, u, a)
	r.End(1, 0, err)
	if err != nil {
		return nil, err
	}
	return &copyUpload{upload{inner, s, u}, inner}, nil
}

// copyUpload is an upload that copies.
type copyUpload struct {
	upload
	copier backend.CopyUpload
}

func (u *copyUpload) CopyPart(ctx context.Context, n int, from uri.URI, want backend.Range, etag string) error {
	return u.store.simple("COPY_PART", u.u, func() error { return u.copier.CopyPart(ctx, n, from, want, etag) })
}
