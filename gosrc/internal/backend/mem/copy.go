package mem

import (
	"context"
	"math"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func (client) CopyLimit() int64 { return math.MaxInt64 }

// Copy lets both objects share their data, which never changes.
func (c client) Copy(ctx context.Context, from uri.URI, etag string, to uri.URI) (backend.Info, error) {
	o, err := c.version(ctx, "copy", from, etag)
	if err != nil {
		return backend.Info{}, err
	}
	return c.publish(ctx, to, o.data, &backend.Attributes{ContentType: o.info.ContentType, Metadata: o.info.Metadata})
}

func (c client) CreateCopy(ctx context.Context, to uri.URI, a *backend.Attributes) (backend.CopyUpload, error) {
	return c.create(ctx, to, a)
}

func (up *upload) CopyPart(ctx context.Context, n int, from uri.URI, r backend.Range, etag string) error {
	o, err := up.store.version(ctx, "copy", from, etag)
	if err != nil {
		return err
	}
	begin, end, err := r.Cut("copy", from, o.info.Size)
	if err != nil {
		return err
	}
	return up.WritePart(ctx, n, o.data[begin:end])
}

// version is the object at u, which must have that ETag unless it is empty.
func (s *store) version(ctx context.Context, op string, u uri.URI, etag string) (*object, error) {
	o, err := s.object(ctx, op, u)
	if err == nil && etag != "" && etag != o.info.ETag {
		return nil, errs.New(errs.Changed, op, u.String(), "the object has changed: its ETag is %s, not %s", o.info.ETag, etag)
	}
	return o, err
}
