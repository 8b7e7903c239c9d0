package s3

import (
	"context"
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// broken is the error of an exchange that did not take place or broke off.
func (c *client) broken(err error, op string, u uri.URI) *errs.Error {
	return web.Broken(err, op, u, c.endpoint)
}

// refused is an answer other than success.
type refused struct {
	*errs.Error
	expired bool // the credentials have
}

// document is what S3 says of an error. Its other elements hold parts of the
// signature and are not read.
type document struct {
	Code      string
	Message   string
	Region    string
	RequestID string `xml:"RequestId"`
}

// refusal makes an error of an answer, and closes it.
func (c *client) refusal(ctx context.Context, r *call, resp *wire.Response, used *web.Held[keys]) refused {
	defer resp.Close()
	return c.refusalFrom(ctx, r, readError(resp), resp, used)
}

func readError(resp *wire.Response) (d document) {
	if text, err := web.Document(resp); err == nil && len(text) > 0 {
		_ = xml.Unmarshal(text, &d) // what is not S3's XML says nothing more than the status
	}
	return d
}

// refusalFrom is also for errors that come with a status of success.
func (c *client) refusalFrom(ctx context.Context, r *call, d document, resp *wire.Response, used *web.Held[keys]) refused {
	d.Code = or(d.Code, resp.Header.Get("x-minio-error-code")) // answers to HEAD have no body
	d.Region = or(resp.Header.Get("x-amz-bucket-region"), d.Region)
	if d.Code == "" && resp.Status == http.StatusNotFound {
		d = c.whatIsMissing(ctx, r)
	}
	o := outcomeOf(d.Code, resp.Status)
	u := r.u
	if r.from.Key != "" && aboutSource[d.Code] {
		u = r.from
	}
	e := errs.New(o.Code, r.op, u.String(), "%s", o.text(u, d, resp.Status))
	e.Hint = o.advice(c, d)
	e.Endpoint, e.Status = c.endpoint.String(), resp.Status
	e.RequestID = or(resp.Header.Get("x-amz-request-id"), d.RequestID)
	e.Retry.AfterSeconds = web.RetryAfter(resp.Header.Get("Retry-After"))
	if used != nil {
		e.Msg = redact(e.Msg, &used.Value)
	}
	return refused{e, strings.HasPrefix(d.Code, "Expired") || d.Code == "InvalidToken" || d.Code == "TokenRefreshRequired"}
}

// aboutSource are the failures of a copy that the source has brought about.
var aboutSource = map[string]bool{"NoSuchKey": true, "PreconditionFailed": true, "InvalidObjectState": true, "InvalidRange": true}

// whatIsMissing tells a missing bucket from a missing object where the answer
// does not, as those to HEAD. It asks once for a bucket: one that was seen is
// there. A service may also say 404 where it does not know the access key.
func (c *client) whatIsMissing(ctx context.Context, r *call) document {
	object := document{Code: "NoSuchKey"}
	if r.key && c.known.Has(r.u.Container) {
		return object
	}
	resp, _, err := c.send(ctx, &call{op: r.op, u: r.u.WithKey(""), method: http.MethodGet, query: "list-type=2&max-keys=1"})
	if err != nil {
		return object
	}
	defer resp.Close()
	if resp.Status == http.StatusOK {
		c.known.Add(r.u.Container)
		return object
	}
	d := readError(resp)
	if d.Code == "AccessDenied" || d.Code == "" { // not allowed to list: no answer to the question
		return object
	}
	return d
}

// redact takes credentials out of what a server says.
func redact(text string, v *keys) string {
	for _, secret := range []string{v.SecretAccessKey, v.SessionToken, v.AccessKeyID} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}
