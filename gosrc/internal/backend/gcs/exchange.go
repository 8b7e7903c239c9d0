package gcs

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// exchange is the way to the services that give tokens. It makes errors of their
// refusals: Google's library keeps what passes apart for some kinds of credentials only.
type exchange struct {
	http.RoundTripper
	path string // of the file of credentials
}

// maxRefusal bounds what is read of a refusal.
const maxRefusal = 64 << 10

// RoundTrip passes an answer on, or fails with a refusal.
func (x exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := x.RoundTripper.RoundTrip(r)
	if err != nil || resp.StatusCode < http.StatusBadRequest {
		return resp, err
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what is missing of it says nothing more than the status
	e := errs.New(errs.Credentials, "", "", "the credentials in %s are not accepted (%s)", x.path, refusalOf(text).or(resp.StatusCode)).
		WithHint(checkAccount)
	e.Endpoint = r.URL.Scheme + "://" + r.URL.Host
	return nil, passing(e, resp)
}

// refusalOf reads what a service for tokens says, as OAuth writes it or as Google's other services do.
func refusalOf(text []byte) said {
	var oauth struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(text, &oauth) == nil {
		return said{reason: oauth.Error, message: oauth.Description}
	}
	var d document
	_ = json.Unmarshal(text, &d) // what is neither says nothing more than the status
	return said{message: d.Error.Message}
}

// passing completes the error of an answer, which may be one that passes.
func passing(e *errs.Error, resp *http.Response) *errs.Error {
	e.Status = resp.StatusCode
	e.Retry.AfterSeconds = web.RetryAfter(resp.Header.Get("Retry-After"))
	switch {
	case e.Status == http.StatusTooManyRequests:
		e.Code = errs.Throttled
	case e.Status == http.StatusRequestTimeout:
		e.Code = errs.Timeout
	case e.Status >= http.StatusInternalServerError:
		e.Code = errs.Server
	}
	return e
}

// refusedToken is the failure to get a token with good-looking credentials. What
// passes by itself is told from what does not.
func refusedToken(err error, path string) error {
	var known *errs.Error
	var network net.Error
	var at *url.Error
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &known):
		return known
	case errors.As(err, &network) && errors.As(err, &at):
		e := errs.Wrap(at.Err, errs.Connection, "", "", "cannot reach the service that gives tokens")
		if network.Timeout() {
			e.Code = errs.Timeout
		}
		if u, wrong := url.Parse(at.URL); wrong == nil {
			e.Endpoint = u.Scheme + "://" + u.Host
		}
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return errs.New(errs.Credentials, "", "", "cannot get a token with the credentials in %s", path).WithHint(checkAccount)
}
