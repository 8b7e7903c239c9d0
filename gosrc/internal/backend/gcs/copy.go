package gcs

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// CopyLimit is none: the service copies objects of any size, and says now and
// then that it goes on.
func (c *client) CopyLimit() int64 { return backend.CopiesAll }

// Copy lets the service copy an object, with its attributes. Where the copy goes
// to another place or storage class it takes several requests.
func (c *client) Copy(ctx context.Context, from uri.URI, etag string, to uri.URI) (backend.Info, error) {
	if err := (&call{op: "copy", u: from, object: true}).check(); err != nil {
		return backend.Info{}, err
	}
	query := url.Values{"fields": {"done,rewriteToken,resource(" + fields + ")"}}
	if etag != "" {
		if !isGeneration(etag) {
			return backend.Info{}, c.sourceError(ctx, from, etag, c.changed("copy", from, "it has no generation %q", etag))
		}
		query.Set("sourceGeneration", etag)
		query.Set("ifSourceGenerationMatch", etag)
	}
	r := &call{
		op: "copy", u: to, object: true, method: http.MethodPost, query: query,
		path: objectPath("", from) + "/rewriteTo/b/" + to.Container + "/o/" + escaped(to.Key),
	}
	this := copying{from.String(), etag, to.String()}
	if token, ok := c.begun.LoadAndDelete(this); ok {
		query.Set("rewriteToken", token.(string))
	}
	for further := false; ; further = true {
		var got struct {
			Done         bool   `json:"done"`
			RewriteToken string `json:"rewriteToken"`
			Resource     object `json:"resource"`
		}
		err := c.document(ctx, r, &got)
		if code := errs.CodeOf(err); code == errs.NotFound || code == errs.Changed {
			return backend.Info{}, c.sourceError(ctx, from, etag, err)
		}
		if err != nil {
			return backend.Info{}, c.interrupted(this, query.Get("rewriteToken"), further, err)
		}
		if got.Done {
			info, err := got.Resource.info()
			if err != nil {
				return info, c.malformed(err, "copy", to)
			}
			return info, nil
		}
		if got.RewriteToken == "" {
			return backend.Info{}, c.malformed(errors.New("a copy that is not done does not say how to go on"), "copy", to)
		}
		query.Set("rewriteToken", got.RewriteToken)
	}
}

// copying is a copy under way.
type copying struct{ from, etag, to string }

// interrupted is a failure of a copy. Where it passes, the next attempt goes on
// from what has been copied: a large object takes longer than retries may.
func (c *client) interrupted(this copying, token string, further bool, failure error) error {
	e := *errs.From(failure, "copy", this.to)
	if token != "" && e.Retryable() {
		c.begun.Store(this, token)
		e.Retry.Further = further
	}
	return &e
}

// sourceError finds out whether a failure is about the source.
func (c *client) sourceError(ctx context.Context, from uri.URI, etag string, failure error) error {
	info, err := c.stat(ctx, "copy", from)
	switch {
	case err != nil:
		return err
	case etag != "" && info.ETag != etag:
		return c.changed("copy", from, "its generation is %s, not %s", info.ETag, etag)
	}
	return failure
}

// CreateCopy is not needed: Copy takes all.
func (c *client) CreateCopy(_ context.Context, to uri.URI, _ *backend.Attributes) (backend.CopyUpload, error) {
	return nil, errs.New(errs.Unsupported, "copy", to.String(), "Google Cloud Storage does not copy parts of objects")
}
