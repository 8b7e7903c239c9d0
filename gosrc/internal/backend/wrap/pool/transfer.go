package pool

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
)

// reader counts what it delivers; its endpoint is busy until it is closed.
type reader struct {
	backend.Reader
	member *member
	closed atomic.Bool
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.member.read.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		r.member.observe(err)
	}
	return n, err
}

func (r *reader) Close() error {
	if !r.closed.Swap(true) {
		r.member.inFlight.Add(-1)
	}
	return r.Reader.Close()
}

// upload counts what its parts send.
type upload struct {
	backend.Upload
	member *member
	pool   *Pool
}

func (u *upload) WritePart(ctx context.Context, n int, data []byte) error {
	return u.do(func() error {
		err := u.Upload.WritePart(ctx, n, data)
		if err == nil {
			u.member.written.Add(int64(len(data)))
		}
		return err
	})
}

func (u *upload) Commit(ctx context.Context, parts int) (info backend.Info, err error) {
	err = u.do(func() error {
		info, err = u.Upload.Commit(ctx, parts)
		return err
	})
	return info, err
}

func (u *upload) Abort(ctx context.Context) error {
	return u.do(func() error { return u.Upload.Abort(ctx) })
}

func (u *upload) do(f func() error) error {
	u.pool.calls.Add(1)
	u.member.begin()
	err := f()
	u.member.end(err)
	return err
}
