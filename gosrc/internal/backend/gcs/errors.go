package gcs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

var (
	errNotJSON      = errors.New("no JSON")
	errNoSize       = errors.New("an object without a size")
	errNoGeneration = errors.New("no generation")
)

// broken is the error of an exchange that did not take place or broke off.
func (c *client) broken(err error, op string, u uri.URI) *errs.Error {
	return web.Broken(err, op, u, c.endpoint)
}

// document is what the service says of an error.
type document struct {
	Error struct {
		Message string
		Errors  []struct{ Reason string }
	}
}

// said is what an answer says of its failure.
type said struct {
	reason, message string
	json            bool
}

// readError reads the body of a failure: JSON, or one sentence where the content
// of an object was asked for, which the service calls HTML. Real HTML, as of a
// proxy, says nothing.
func readError(resp *wire.Response) (s said) {
	text, err := web.Document(resp)
	if err != nil {
		return s
	}
	var d document
	if json.Unmarshal(text, &d) == nil {
		s.message, s.json = strings.TrimSpace(d.Error.Message), true
		if len(d.Error.Errors) > 0 {
			s.reason = d.Error.Errors[0].Reason
		}
	} else if len(text) < 1000 && !bytes.Contains(text, []byte("<")) {
		s.message = strings.TrimSpace(string(text))
	}
	return s
}

// refusal makes an error of an answer, and closes it.
func (c *client) refusal(ctx context.Context, r *call, resp *wire.Response, used *web.Held[token]) *errs.Error {
	defer resp.Close()
	s := readError(resp)
	o := outcomeOf(r.op, resp.Status, s)
	if resp.Status == http.StatusNotFound {
		o = c.whatIsMissing(ctx, r, s)
	}
	return c.failure(r, resp, s, o, used)
}

func (c *client) failure(r *call, resp *wire.Response, s said, o outcome, used *web.Held[token]) *errs.Error {
	if used == nil && (resp.Status == http.StatusUnauthorized || resp.Status == http.StatusForbidden) {
		o.hint = "The request went without credentials, which only serves what is public: leave the option anonymous out, and unset STORAGE_EMULATOR_HOST where there is none"
	}
	e := errs.New(o.code, r.op, r.u.String(), "%s", o.text(s, resp.Status))
	e.Hint, e.Retry.Never = o.hint, o.never
	e.Endpoint, e.Status = c.endpoint.String(), resp.Status
	// In a session this is the session's own name, which is as good as a credential.
	if id := resp.Header.Get("X-GUploader-UploadID"); !strings.Contains(r.path, id) {
		e.RequestID = id
	}
	e.Retry.AfterSeconds = web.RetryAfter(resp.Header.Get("Retry-After"))
	if used != nil {
		e.Msg = strings.ReplaceAll(e.Msg, used.Value.Reveal(), "[redacted]")
	}
	return e
}

// whatIsMissing tells a missing bucket from a missing object. It asks once for a
// bucket: one that was seen is there.
func (c *client) whatIsMissing(ctx context.Context, r *call, s said) outcome {
	object, bucket := objectMissing, bucketMissing(r.u)
	switch {
	case r.lacks != outcome{}:
		return r.lacks
	case !r.object && !s.json:
		return foreign
	case !r.object:
		return bucket
	case c.known.Has(r.u.Container):
		return object
	}
	resp, _, err := c.send(ctx, c.look(r.op, r.u))
	if err != nil {
		return object
	}
	defer resp.Close()
	switch s := readError(resp); {
	case resp.Status == http.StatusOK:
		c.known.Add(r.u.Container)
	case resp.Status == http.StatusNotFound && s.json:
		return bucket
	case !s.json: // whatever it means by that, it is not the service
		return foreign
	}
	return object // not allowed to list: no answer to the question
}

// look asks for one object of a bucket, whether or not there are any.
func (c *client) look(op string, u uri.URI) *call {
	return &call{
		op: op, u: u, method: http.MethodGet, path: bucketPath(u) + "/o",
		query: url.Values{"maxResults": {"1"}, "fields": {"items(name)"}},
	}
}
