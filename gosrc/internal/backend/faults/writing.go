//go:build faults

package faults

import (
	"context"
	"sync/atomic"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func (store) Put(ctx context.Context, u uri.URI, data []byte, _ *backend.Attributes) (backend.Info, error) {
	return backend.Info{Size: int64(len(data)), ETag: "fault"}, fault(ctx, u, 1)
}

func (store) Create(_ context.Context, u uri.URI, _ *backend.Attributes) (backend.Upload, error) {
	return &upload{u: u}, nil
}

type upload struct {
	u    uri.URI
	size atomic.Int64
}

func (up *upload) PartSize(wanted int64) int64 { return wanted }

func (up *upload) WritePart(ctx context.Context, n int, data []byte) error {
	up.size.Add(int64(len(data)))
	return fault(ctx, up.u, n)
}

func (up *upload) Commit(context.Context, int) (backend.Info, error) {
	return backend.Info{Size: up.size.Load(), ETag: "fault"}, nil
}

func (up *upload) Abort(context.Context) error { return nil }

// fault is what becomes of part n.
func fault(ctx context.Context, u uri.URI, n int) error {
	switch u.Container {
	case "panic":
		panic("a fault that was asked for")
	case "stall":
		<-ctx.Done()
		return ctx.Err()
	case "full":
		if n > 0 {
			return errs.New(errs.NoSpace, "put", u.String(), "no space is left")
		}
	}
	return nil
}
