package s3

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
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
	return web.NewBody(u, c.endpoint, info, nil, 0), nil
}

func (c *client) changed(u uri.URI, format string, args ...any) error {
	e := errs.New(errs.Changed, "get", u.String(), "the object has changed: "+format, args...)
	e.Endpoint = c.endpoint.String()
	return e
}

// reader checks that the answer is what was asked for.
func (c *client) reader(u uri.URI, r backend.Range, resp *wire.Response) (*web.Body, error) {
	from, size, length := int64(0), resp.Length, resp.Length
	if resp.Status == http.StatusPartialContent {
		var ok bool
		if from, size, ok = web.ContentRange(resp.Header.Get("Content-Range")); !ok {
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
	return web.NewBody(u, c.endpoint, describe(resp.Header, size), resp, length), nil
}
