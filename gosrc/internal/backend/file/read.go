package file

import (
	"context"
	"io"
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func (s *store) Open(ctx context.Context, u uri.URI, r backend.Range, want string) (backend.Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, failure("get", u, err)
	}
	h, err := openFile(u.Key)
	if err != nil {
		return nil, failure("get", u, err)
	}
	read, err := s.newReader(ctx, u, r, want, h)
	if err != nil {
		_ = h.close()
		return nil, failure("get", u, err)
	}
	return read, nil
}

func (s *store) newReader(ctx context.Context, u uri.URI, r backend.Range, want string, h *handle) (*reader, error) {
	if want != "" && want != h.info.ETag {
		return nil, errs.New(errs.Changed, "", "", "the file has changed: its ETag is %s, not %s", h.info.ETag, want)
	}
	from, to, err := r.Cut("get", u, h.info.Size)
	if err != nil {
		return nil, err
	}
	access, err := s.attach(h.fd, &h.st)
	if err != nil {
		return nil, err
	}
	return &reader{ctx: ctx, u: u, info: h.info, file: h, access: access, length: to - from, pos: from, end: to}, nil
}

// reader delivers the bytes from pos to end.
type reader struct {
	ctx    context.Context
	u      uri.URI
	info   backend.Info
	length int64

	// A Close during a Read must wait: the descriptor's number may be another file's at once.
	mu       sync.Mutex
	file     *handle // nil once closed
	access   Access
	pos, end int64
}

func (r *reader) Info() backend.Info { return r.info }
func (r *reader) Len() int64         { return r.length }

func (r *reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return 0, errs.New(errs.Closed, "get", r.u.String(), "the reader is closed")
	}
	if err := r.ctx.Err(); err != nil {
		return 0, failure("get", r.u, err)
	}
	if r.pos == r.end {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := r.access.ReadAt(p[:min(int64(len(p)), r.end-r.pos)], r.pos, r.end)
	if err != nil {
		return 0, failure("get", r.u, err)
	}
	r.pos += int64(n)
	if n == 0 || r.pos == r.end {
		err = r.verify(n)
	}
	if err != nil {
		return 0, failure("get", r.u, err)
	}
	return n, nil
}

// verify looks, after the last read of n bytes, whether all of it was of one version.
func (r *reader) verify(n int) error {
	changed, err := r.file.changed()
	switch {
	case err != nil:
		return err
	case changed:
		return errs.New(errs.Changed, "", "", "the file was changed while it was being read")
	case n == 0:
		return errs.New(errs.Truncated, "", "", "the file ended at byte %d, %d bytes early", r.pos, r.end-r.pos)
	}
	return nil
}

func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	r.access.Release()
	err := r.file.close()
	r.file = nil
	return failure("get", r.u, err)
}
