package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// copyLimit is less than the 5 GiB that S3 takes: larger objects are sooner
// copied in parts at the same time, and a service that is silent while it copies
// must be done before the request is taken for one that hangs.
const copyLimit = 1 << 30

func (c *client) CopyLimit() int64 { return copyLimit }

// Copy lets the service copy an object, with its attributes.
func (c *client) Copy(ctx context.Context, from uri.URI, etag string, to uri.URI) (backend.Info, error) {
	r := &call{op: "copy", u: to, from: from, method: http.MethodPut, key: true, header: copySource(from, etag)}
	answer, err := c.copied(ctx, r)
	return backend.Info{ETag: web.Unquote(answer.ETag)}, err
}

// CreateCopy begins an upload without checksums: those of copied parts are the service's own business, and not every
// one has them where the upload announces some.
func (c *client) CreateCopy(ctx context.Context, to uri.URI, a *backend.Attributes) (backend.CopyUpload, error) {
	return c.begin(ctx, to, a, describing(a))
}

// CopyPart lets the service copy a part.
func (up *upload) CopyPart(ctx context.Context, n int, from uri.URI, r backend.Range, etag string) error {
	header := append(copySource(from, etag), wire.Field{Name: "x-amz-copy-source-range", Value: web.RangeValue(r)})
	return up.part(n, func(query string) (part, error) {
		answer, err := up.c.copied(ctx, &call{
			op: "copy", u: up.u, from: from, method: http.MethodPut, key: true, query: query, header: header,
		})
		return part{etag: answer.ETag, size: r.Length}, err
	})
}

func copySource(from uri.URI, etag string) wire.Header {
	path := escape([]byte{'/'}, from.Container, false)
	path = escape(append(path, '/'), from.Key, true)
	h := wire.Header{{Name: "x-amz-copy-source", Value: string(path)}}
	if etag != "" {
		h = append(h, wire.Field{Name: "x-amz-copy-source-if-match", Value: `"` + etag + `"`})
	}
	return h
}

type copyAnswer struct {
	XMLName xml.Name
	ETag    string
	document
}

// copied sends a call that copies. Where it fails, S3 may have said 200 before it knew.
func (c *client) copied(ctx context.Context, r *call) (answer copyAnswer, err error) {
	text, resp, err := c.document(ctx, r)
	if err != nil {
		return answer, err
	}
	err = xml.Unmarshal(text, &answer)
	switch {
	case err == nil && answer.XMLName.Local == "Error":
		return answer, c.refusalFrom(ctx, r, answer.document, resp, nil).Error
	case err == nil && answer.ETag == "":
		err = errors.New("no ETag of the copy")
	}
	if err != nil {
		return answer, c.malformed(err, r.op, r.u)
	}
	return answer, nil
}
