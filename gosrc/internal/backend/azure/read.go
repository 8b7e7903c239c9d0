package azure

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Open sends one GET. Its body is read straight into the slices given to Read.
func (c *client) Open(ctx context.Context, u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	if err := checkObject("get", u); err != nil {
		return nil, err
	}
	if r.Offset < 0 || r.Length == 0 {
		return c.nothing(ctx, u, r, etag) // HTTP has no ranges of this kind
	}
	var header wire.Header
	if r != backend.Whole {
		header = append(header, wire.Field{Name: "x-ms-range", Value: web.RangeValue(r)})
	}
	if etag != "" {
		header = append(header, wire.Field{Name: "if-match", Value: `"` + etag + `"`})
	}
	resp, err := c.get(ctx, "get", u, c.target(u), header)
	switch errs.CodeOf(err) {
	case errs.OK:
	case errs.OutOfRange:
		return c.nothing(ctx, u, r, etag) // at the end, or beyond it
	case errs.Changed: // so it is called, too, where there is no object
		if _, missing := c.stat(ctx, "get", u); errs.CodeOf(missing) == errs.NotFound {
			return nil, missing
		}
		return nil, err
	default:
		return nil, err
	}
	body, err := c.reader(u, r, resp)
	if err != nil {
		_ = resp.Close() // err is the failure to report
		return nil, err
	}
	return body, nil
}

// get asks for something without azblob. The response is a success and must be closed.
func (c *client) get(ctx context.Context, op string, u uri.URI, target string, header wire.Header) (*wire.Response, error) {
	for again := false; ; again = true {
		req, used, err := c.request(ctx, target, header)
		if err != nil {
			return nil, c.broken(err, op, u)
		}
		resp, err := c.wire.Do(ctx, req)
		if err != nil {
			return nil, c.broken(err, op, u)
		}
		if resp.Status/100 == 2 {
			return resp, nil
		}
		failure := c.refused(resp, op, u)
		if again || !c.auth.renewed(ctx, resp.Status, resp.Header.Get(errorCode), used) {
			return nil, failure
		}
	}
}

// request makes a GET; it also returns the token in use.
func (c *client) request(ctx context.Context, target string, header wire.Header) (*wire.Request, *web.Held[string], error) {
	req := &wire.Request{Method: http.MethodGet, Host: c.endpoint.Host, Target: target}
	req.Header = append(append(make(wire.Header, 0, 8), header...),
		wire.Field{Name: "x-ms-version", Value: sas.Version}, wire.Field{Name: "user-agent", Value: c.agent})
	used, err := c.auth.authorize(ctx, req)
	return req, used, err
}

// authorize is for requests without azblob; it returns the token in use.
func (a *authority) authorize(ctx context.Context, req *wire.Request) (*web.Held[string], error) {
	if a.signer != nil {
		a.signer.sign(req, time.Now())
		return nil, nil
	}
	path, query, _ := strings.Cut(req.Target, "?")
	if query = a.withSAS(query); query != "" {
		req.Target = path + "?" + query
	}
	used, err := a.token(ctx)
	if used != nil {
		req.Header = append(req.Header, wire.Field{Name: "authorization", Value: "Bearer " + used.Value})
	}
	return used, err
}

// target is what azblob asks for, too: slashes within the key are escaped. Without
// a key it is the container.
func (c *client) target(u uri.URI) string {
	container := c.endpoint.EscapedPath() + "/" + url.PathEscape(u.Container)
	if u.Key == "" {
		return container
	}
	return container + "/" + url.PathEscape(u.Key)
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
	info, isDir := describe(resp.Header, size)
	if isDir {
		return nil, c.directory("get", u)
	}
	return web.NewBody(u, c.endpoint, info, resp, length), nil
}
