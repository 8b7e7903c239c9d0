package gcs

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// asStored keeps the service from unpacking what has the Content-Encoding gzip.
var asStored = wire.Field{Name: "accept-encoding", Value: "gzip"}

// Open sends one GET. Its body is read straight into the slices given to Read.
func (c *client) Open(ctx context.Context, u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	if r.Offset < 0 || r.Length == 0 || etag != "" && !isGeneration(etag) {
		return c.nothing(ctx, u, r, etag) // HTTP has no ranges of this kind
	}
	get := &call{
		op: "get", u: u, object: true, method: http.MethodGet, path: objectPath("/download", u),
		query: url.Values{"alt": {"media"}}, header: wire.Header{asStored},
	}
	if r != backend.Whole {
		get.header = append(get.header, wire.Field{Name: "range", Value: web.RangeValue(r)})
	}
	if etag != "" {
		get.query.Set("generation", etag)
	}
	resp, err := c.do(ctx, get)
	if err != nil {
		switch code := errs.CodeOf(err); {
		case code == errs.OutOfRange:
			return c.nothing(ctx, u, r, etag) // at the end, or beyond it
		case code == errs.NotFound && etag != "":
			return nil, c.otherGeneration(ctx, "get", u, etag, err)
		}
		return nil, err
	}
	body, err := c.reader(u, r, etag, resp)
	if err != nil {
		_ = resp.Close() // err is the failure to report
		return nil, err
	}
	return body, nil
}

func isGeneration(etag string) bool {
	_, err := strconv.ParseInt(etag, 10, 64)
	return err == nil
}

// otherGeneration is why a generation is not there: the object has changed, or is gone.
func (c *client) otherGeneration(ctx context.Context, op string, u uri.URI, etag string, missing error) error {
	info, err := c.stat(ctx, op, u)
	if err != nil || info.ETag == etag {
		return missing
	}
	return c.changed(op, u, "its generation is %s, not %s", info.ETag, etag)
}

// nothing opens a range without bytes, once it is known that it lies within the object.
func (c *client) nothing(ctx context.Context, u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	info, err := c.stat(ctx, "get", u)
	if err != nil {
		return nil, err
	}
	return web.EmptyBody(u, c.endpoint, info, r, etag)
}

func (c *client) changed(op string, u uri.URI, format string, args ...any) error {
	return web.Changed(op, u, c.endpoint, format, args...)
}

// reader checks that the answer is what was asked for.
func (c *client) reader(u uri.URI, r backend.Range, etag string, resp *wire.Response) (*web.Body, error) {
	if resp.Length < 0 {
		resp.Length = inChunks(resp)
	}
	size, length, err := web.Extent(r, resp)
	if err != nil {
		return nil, c.malformed(err, "get", u)
	}
	info, stored := fromHeader(resp.Header, size)
	switch {
	case info.ETag == "":
		return nil, c.malformed(errNoGeneration, "get", u)
	case etag != "" && etag != info.ETag: // something in between does not know of generations
		return nil, c.changed("get", u, "its generation is %s, not %s", info.ETag, etag)
	case stored != "" && stored != strconv.FormatInt(size, 10):
		return nil, c.malformed(errors.New("the object comes otherwise than it is stored"), "get", u)
	}
	return web.NewBody(u, c.endpoint, info, resp, length), nil
}

// inChunks is how long an answer is that comes in chunks, as do the larger
// objects with the Content-Encoding gzip; -1: that cannot be told.
func inChunks(resp *wire.Response) int64 {
	encoding := resp.Header.Get("X-Goog-Stored-Content-Encoding")
	if encoding == "" || encoding != resp.Header.Get("Content-Encoding") {
		return -1 // unpacked on the way
	}
	if resp.Status == http.StatusPartialContent {
		return web.SpanLength(resp.Header.Get("Content-Range"))
	}
	length, err := strconv.ParseInt(resp.Header.Get("X-Goog-Stored-Content-Length"), 10, 64)
	if err != nil || length < 0 {
		return -1
	}
	return length
}

// fromHeader reads what the header of an answer says of an object, and how long it is as it is stored.
func fromHeader(h wire.Header, size int64) (info backend.Info, stored string) {
	info.Size = size
	for _, f := range h {
		switch {
		case strings.EqualFold(f.Name, "X-Goog-Generation"):
			info.ETag = f.Value
		case strings.EqualFold(f.Name, "X-Goog-Stored-Content-Length"):
			stored = f.Value
		case strings.EqualFold(f.Name, "X-Goog-Storage-Class"):
			info.StorageClass = f.Value
		case strings.EqualFold(f.Name, "Content-Type"):
			info.ContentType = f.Value
		case strings.EqualFold(f.Name, "Last-Modified"):
			info.ModTime, _ = http.ParseTime(f.Value) // zero, that is unknown, where it is malformed
		}
	}
	return info, stored
}
