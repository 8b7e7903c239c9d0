package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/s3/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Open sends one GET. Its body is read straight into the slices given to Read.
func (c *client) Open(ctx context.Context, u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	if r.Offset < 0 || r.Length == 0 {
		return c.nothing(ctx, u, r, etag) // HTTP has no ranges of this kind
	}
	get := &call{op: "get", u: u, method: http.MethodGet, key: true}
	if r != backend.Whole {
		get.header = append(get.header, wire.Field{Name: "range", Value: rangeValue(r)})
	}
	if etag != "" {
		get.header = append(get.header, wire.Field{Name: "if-match", Value: `"` + etag + `"`})
	}
	resp, err := c.do(ctx, get)
	if err != nil {
		if e := errs.From(err, "get", ""); e.Code == errs.OutOfRange {
			return c.nothing(ctx, u, r, etag) // at the end, or beyond it
		}
		return nil, err
	}
	body, err := c.reader(u, r, resp)
	if err != nil {
		_ = resp.Close() // err is the failure to report
		return nil, err
	}
	return body, nil
}

func rangeValue(r backend.Range) string {
	text := "bytes=" + strconv.FormatInt(r.Offset, 10) + "-"
	if r.Length > 0 && r.Length-1 <= maxOffset-r.Offset {
		text += strconv.FormatInt(r.Offset+r.Length-1, 10)
	}
	return text
}

const maxOffset = 1<<63 - 1

// nothing opens a range without bytes, once it is known that it lies within the object.
func (c *client) nothing(ctx context.Context, u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	info, err := c.stat(ctx, "get", u)
	if err != nil {
		return nil, err
	}
	if etag != "" && etag != info.ETag {
		return nil, c.changed(u, "its ETag is %s, not %s", info.ETag, etag)
	}
	from, to, err := r.Cut("get", u, info.Size)
	if err != nil {
		return nil, err
	}
	if from < to { // it has grown since the range was refused
		return nil, c.changed(u, "it has grown to %d bytes", info.Size)
	}
	return &reader{c: c, u: u, info: info}, nil
}

func (c *client) changed(u uri.URI, format string, args ...any) error {
	e := errs.New(errs.Changed, "get", u.String(), "the object has changed: "+format, args...)
	e.Endpoint = c.endpoint.String()
	return e
}

// reader checks that the answer is what was asked for.
func (c *client) reader(u uri.URI, r backend.Range, resp *wire.Response) (*reader, error) {
	from, size, length := int64(0), resp.Length, resp.Length
	if resp.Status == http.StatusPartialContent {
		var ok bool
		if from, size, ok = contentRange(resp.Header.Get("Content-Range")); !ok {
			return nil, c.malformed(errors.New("bad Content-Range"), "get", u)
		}
	}
	if length < 0 {
		return nil, c.malformed(errNoLength, "get", u)
	}
	// A server may ignore the range where it begins at 0: then its end is ours to find.
	if from != r.Offset || resp.Status == http.StatusPartialContent && length > size-from {
		return nil, c.malformed(errors.New("another range than the one asked for"), "get", u)
	}
	if r.Length >= 0 {
		length = min(length, r.Length)
	}
	return &reader{c: c, u: u, info: describe(resp.Header, size), resp: resp, length: length, left: length}, nil
}

// contentRange reads "bytes 0-9/100".
func contentRange(text string) (from, size int64, ok bool) {
	text, ok = strings.CutPrefix(text, "bytes ")
	span, total, ok2 := strings.Cut(text, "/")
	first, _, ok3 := strings.Cut(span, "-")
	from, err := strconv.ParseInt(first, 10, 64)
	size, err2 := strconv.ParseInt(total, 10, 64)
	return from, size, ok && ok2 && ok3 && err == nil && err2 == nil
}

// reader is the body of an answer, or no body at all.
type reader struct {
	c            *client
	u            uri.URI
	info         backend.Info
	resp         *wire.Response
	length, left int64
}

func (r *reader) Info() backend.Info { return r.info }
func (r *reader) Len() int64         { return r.length }

func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.resp.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case r.left == 0: // whatever came after the last byte
		return n, io.EOF
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e := errs.New(errs.Truncated, "get", r.u.String(), "the body ended after %d of %d bytes", r.length-r.left, r.length)
		e.Endpoint = r.c.endpoint.String()
		return n, e
	}
	return n, r.c.broken(err, "get", r.u)
}

func (r *reader) Close() error {
	if r.resp == nil {
		return nil
	}
	return r.resp.Close()
}
