package web

import (
	"errors"
	"io"
	"net/url"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Body is a backend.Reader of the answer to a GET. It delivers exactly the bytes
// that were announced, straight from the connection.
type Body struct {
	u            uri.URI
	endpoint     *url.URL
	info         backend.Info
	from         io.ReadCloser // nil: no bytes
	length, left int64
}

// NewBody reads length bytes from an answer; from may be nil where that is 0.
func NewBody(u uri.URI, endpoint *url.URL, info backend.Info, from io.ReadCloser, length int64) *Body {
	return &Body{u: u, endpoint: endpoint, info: info, from: from, length: length, left: length}
}

// EmptyBody is a range without bytes, where info shows that it lies within the
// object and that this is the version asked for: HTTP has no ranges of this kind,
// and refuses one at the end.
func EmptyBody(u uri.URI, endpoint *url.URL, info backend.Info, r backend.Range, etag string) (*Body, error) {
	if etag != "" && etag != info.ETag {
		return nil, Changed("get", u, endpoint, "it is the version %s, not %s", info.ETag, etag)
	}
	from, to, err := r.Cut("get", u, info.Size)
	if err != nil {
		return nil, err
	}
	if from < to { // it has grown since the range was refused
		return nil, Changed("get", u, endpoint, "it has grown to %d bytes", info.Size)
	}
	return NewBody(u, endpoint, info, nil, 0), nil
}

// Changed is the error of an object that is another one than it was.
func Changed(op string, u uri.URI, endpoint *url.URL, format string, args ...any) *errs.Error {
	e := errs.New(errs.Changed, op, u.String(), "the object has changed: "+format, args...)
	e.Endpoint = endpoint.String()
	return e
}

// Info describes the whole object.
func (b *Body) Info() backend.Info { return b.info }

// Len is how many bytes Read delivers in total.
func (b *Body) Len() int64 { return b.length }

func (b *Body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case b.left == 0: // whatever came after the last byte
		return n, io.EOF
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e := errs.New(errs.Truncated, "get", b.u.String(), "the body ended after %d of %d bytes", b.length-b.left, b.length)
		e.Endpoint = b.endpoint.String()
		return n, e
	}
	return n, Broken(err, "get", b.u, b.endpoint)
}

// Close gives the connection back, or closes it where unread data is on its way.
func (b *Body) Close() error {
	if b.from == nil {
		return nil
	}
	return b.from.Close()
}
