package azure

import (
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// failed is the error of what azblob returned err for. azblob's own text, which
// shows the whole request and answer, is never taken.
func (c *client) failed(err error, op string, u uri.URI) error {
	var refused *azcore.ResponseError
	if !errors.As(err, &refused) {
		return c.broken(err, op, u)
	}
	resp := refused.RawResponse
	text, _ := runtime.Payload(resp) // without it, the status and the header say enough
	return c.refusal(op, u, answer{status: resp.StatusCode, header: resp.Header.Get, body: text})
}

// refused is the error of an answer to a request that was sent without azblob;
// it closes it.
func (c *client) refused(resp *wire.Response, op string, u uri.URI) error {
	defer resp.Close()
	text, _ := io.ReadAll(io.LimitReader(resp, 64<<10)) // without it, the status and the header say enough
	return c.refusal(op, u, answer{status: resp.Status, header: resp.Header.Get, body: text})
}

// broken is the error of an exchange that did not take place or broke off.
func (c *client) broken(err error, op string, u uri.URI) *errs.Error {
	e := web.Broken(err, op, u, c.endpoint)
	var dns *net.DNSError
	if e.Code == errs.Connection && errors.As(err, &dns) && dns.IsNotFound && !emulator(c.endpoint) {
		e.Msg = "there is no storage account of this name"
		e.Hint = "Check AZURE_STORAGE_ACCOUNT_NAME, or the endpoint " + e.Endpoint + ", and the DNS"
	}
	return e
}

const errorCode = "x-ms-error-code"

// answer is one other than success.
type answer struct {
	status int
	header func(name string) string
	body   []byte
}

// document is what Azure says of an error. What else there is in it may show
// what was signed, and the signature.
type document struct {
	Code    string
	Message string
	Detail  string `xml:"AuthenticationErrorDetail"`
}

func (c *client) refusal(op string, u uri.URI, a answer) *errs.Error {
	var d document
	if len(a.body) > 0 {
		_ = xml.Unmarshal(a.body, &d) // what is not Azure's XML says nothing more than the status
	}
	if code := a.header(errorCode); code != "" { // answers to HEAD have no body
		d.Code = code
	}
	o := outcomeOf(d.Code, a.status)
	if c.auth.tokens != nil && d.Code == "AuthenticationFailed" {
		o = outcomes["InvalidAuthenticationInfo"]
	}
	if op == "create_container" && d.Code == "ContainerBeingDeleted" {
		o.Code = errs.Server // it is worth waiting for
	}
	if o.Hint == "" && a.status/100 == 4 && a.header("x-ms-request-id") == "" {
		o.Hint = "The answer is not that of Azure Blob Storage: check the endpoint"
		if a.status == http.StatusNotFound {
			o.Code = errs.Invalid // it says nothing of the object
		}
	}
	e := errs.New(o.Code, op, u.String(), "%s", c.auth.redact(o.text(u, d, a.status)))
	e.Hint = o.Hint
	if late := c.auth.ended(time.Now()); late != "" && o.Code == errs.Permission {
		e.Hint = late
	}
	e.Endpoint, e.Status, e.RequestID = c.endpoint.String(), a.status, a.header("x-ms-request-id")
	e.Retry.AfterSeconds = web.RetryAfter(a.header("Retry-After"))
	return e
}

// ended says that the SAS is over, where it says so itself.
func (a *authority) ended(now time.Time) string {
	q, err := url.ParseQuery(a.sas)
	if a.sas == "" || err != nil {
		return ""
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z", time.DateOnly} {
		if end, err := time.Parse(form, q.Get("se")); err == nil && now.After(end) {
			return "The shared access signature in " + a.from + " ended at " + q.Get("se") + ": make a new one"
		}
	}
	return ""
}

// redact takes the signature out of what a server says.
func (a *authority) redact(text string) string {
	q, err := url.ParseQuery(a.sas)
	if err != nil || q.Get("sig") == "" {
		return text
	}
	for _, secret := range []string{q.Get("sig"), url.QueryEscape(q.Get("sig"))} {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	return text
}

// malformed is an answer that is not what Azure gives. Asking again would not help.
func (c *client) malformed(err error, op string, u uri.URI) error {
	return web.Malformed(err, op, u, c.endpoint, "Azure Blob Storage", "an endpoint of the blob service")
}
