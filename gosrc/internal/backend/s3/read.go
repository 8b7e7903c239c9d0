package s3

import (
	"context"
	"net/http"

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
		get.header = append(get.header, wire.Field{Name: "range", Value: web.RangeValue(r)})
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

// nothing opens a range without bytes, once it is known that it lies within the object.
func (c *client) nothing(ctx context.Context, u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	info, err := c.stat(ctx, "get", u)
	if err != nil {
		return nil, err
	}
	return web.EmptyBody(u, c.endpoint, info, r, etag)
}

// reader checks that the answer is what was asked for.
func (c *client) reader(u uri.URI, r backend.Range, resp *wire.Response) (*web.Body, error) {
	size, length, err := web.Extent(r, resp)
	if err != nil {
		return nil, c.malformed(err, "get", u)
	}
	return web.NewBody(u, c.endpoint, describe(resp.Header, size), resp, length), nil
}
