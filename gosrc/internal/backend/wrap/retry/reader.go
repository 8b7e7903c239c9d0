package retry

import (
	"context"
	"errors"
	"io"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Open repeats, and so does the reader it returns.
func (b *Backend) Open(ctx context.Context, u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	t := b.trial(ctx, "get", u)
	for {
		body, err := b.inner.Open(ctx, u, r, etag)
		if err == nil {
			return &reader{trial: t, body: body, info: body.Info(), offset: r.Offset, length: body.Len()}, nil
		}
		if err := t.again(err); err != nil {
			return nil, err
		}
	}
}

// reader goes on at the byte reached when the body breaks off, as long as the
// object is the same.
type reader struct {
	trial  trial
	body   backend.Reader // nil after a failure
	info   backend.Info
	offset int64 // of the range in the object
	length int64
	done   int64
	failed error // why body is nil
	closed bool
}

func (r *reader) Info() backend.Info { return r.info }
func (r *reader) Len() int64         { return r.length }

func (r *reader) Read(p []byte) (int, error) {
	for {
		switch {
		case r.closed:
			return 0, errs.New(errs.Closed, "get", r.trial.u.String(), "the body has been closed")
		case r.body == nil && r.done == r.length:
			return 0, io.EOF
		}
		if r.failed != nil {
			if err := r.trial.again(r.failed); err != nil {
				return 0, err
			}
			if r.failed = r.reopen(); r.failed != nil {
				continue
			}
		}
		n, err := r.body.Read(p)
		r.done += int64(n)
		if n > 0 {
			r.trial.progress()
		}
		if errors.Is(err, io.EOF) && r.done == r.length {
			return n, io.EOF
		}
		if err != nil {
			r.fail(err)
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
}

func (r *reader) fail(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errs.New(errs.Truncated, "get", r.trial.u.String(), "the body ended after %d of %d bytes", r.done, r.length)
	}
	r.failed = err
	r.close()
}

// reopen asks for the rest of the very same object. Without an ETag there is no
// knowing whether it is the same.
func (r *reader) reopen() error {
	if r.info.ETag == "" {
		e := *errs.From(r.failed, "get", r.trial.u.String())
		e.Retry.Never = true
		return &e
	}
	rest := backend.Range{Offset: r.offset + r.done, Length: r.length - r.done}
	body, err := r.trial.b.inner.Open(r.trial.ctx, r.trial.u, rest, r.info.ETag)
	if err != nil {
		return err
	}
	r.body = body
	if body.Len() != rest.Length || body.Info().ETag != r.info.ETag {
		r.close()
		return errs.New(errs.Changed, "get", r.trial.u.String(), "the object changed while it was read")
	}
	return nil
}

func (r *reader) close() {
	if r.body != nil {
		_ = r.body.Close() // nothing more is read from it: that it broke is known already
		r.body = nil
	}
}

func (r *reader) Close() error {
	r.closed = true
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.body = nil
	return err
}
