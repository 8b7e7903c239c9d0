package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"syscall"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// KeyError is the lack of credentials.
type KeyError struct{ Err error }

func (e *KeyError) Error() string { return e.Err.Error() }

func (e *KeyError) Unwrap() error { return e.Err }

// Broken is the error of an exchange that did not take place or broke off. An
// error of ours in the chain of err, such as one about credentials, is taken
// over with the operation and the URI.
func Broken(err error, op string, u uri.URI, endpoint *url.URL) *errs.Error {
	var known *errs.Error
	var dns *net.DNSError
	var keys *KeyError
	e := errs.Wrap(bare(err), errs.Connection, op, u.String(), "the connection broke")
	e.Endpoint = endpoint.String()
	switch {
	case errors.As(err, &known):
		out := *known
		out.Op, out.URI = op, u.String()
		return &out
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errs.From(bare(err), op, u.String())
	case errors.As(err, &keys):
		e.Cause, e.Code, e.Msg = keys.Err, errs.Credentials, "cannot get credentials"
	case wire.IsStall(err):
		e.Code, e.Msg = errs.Timeout, "the server sends nothing more"
		return e.WithHint("Raise the option request_timeout if it is merely slow")
	case wire.IsDialTimeout(err):
		e.Code, e.Msg = errs.Timeout, "cannot connect"
		return e.WithHint("Check that %s is the right endpoint and can be reached; the option connect_timeout says how long to wait", e.Endpoint)
	case errors.As(err, &dns):
		e.Msg = "the endpoint's host is not known"
		return e.WithHint("Check the endpoint %s and the DNS", e.Endpoint)
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Msg = "cannot connect"
		return e.WithHint("Check that a server runs at %s", e.Endpoint)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		e.Msg = "the server closed the connection too early"
	case errors.Is(err, wire.ErrClosed):
		e.Code, e.Msg = errs.Closed, "the client has been closed"
	case errors.As(err, new(*tls.CertificateVerificationError)):
		e.Retry.Never = true
		e.Msg = "the server's certificate is not trusted"
		return e.WithHint("Give the authority that issued it with the option ca_bundle")
	case errors.As(err, new(tls.RecordHeaderError)):
		e.Retry.Never = true
		e.Msg = "the server does not speak TLS"
		return e.WithHint("Write the endpoint as http://%s if that is meant", endpoint.Host)
	}
	return e
}

// bare takes off what http.Client puts around an error: the whole URL, which may
// carry a signature.
func bare(err error) error {
	var around *url.Error
	if errors.As(err, &around) {
		return around.Err
	}
	return err
}

// Malformed is an answer that is not what a service gives; kind is what its
// endpoints are called. Asking again would not help.
func Malformed(err error, op string, u uri.URI, endpoint *url.URL, service, kind string) *errs.Error {
	e := errs.Wrap(err, errs.Server, op, u.String(), "the answer is not that of %s", service).
		WithHint("Check that %s is %s", endpoint, kind)
	e.Endpoint = endpoint.String()
	e.Retry.Never = true
	return e
}
