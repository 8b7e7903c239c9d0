package file

import (
	"context"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func (s *store) Put(ctx context.Context, u uri.URI, data []byte, _ *backend.Attributes) (backend.Info, error) {
	info, err := s.put(ctx, u, data)
	return info, failure("put", u, err)
}

func (s *store) put(ctx context.Context, u uri.URI, data []byte) (backend.Info, error) {
	t, err := s.newTemp(ctx, u)
	if err != nil {
		return backend.Info{}, err
	}
	if err = t.write(ctx, data, 0); err != nil {
		t.discard()
		return backend.Info{}, err
	}
	return t.publish(ctx, int64(len(data)))
}
