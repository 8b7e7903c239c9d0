package web

import (
	"net/http"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// Outcome is what a refusal means to the caller.
type Outcome struct {
	Code errs.Code
	Msg  string // in one sentence
	Hint string
}

// statuses are those that mean the same wherever they come from.
var statuses = map[int]Outcome{
	http.StatusUnauthorized:        {errs.Permission, "access denied", "Check the credentials"},
	http.StatusForbidden:           {errs.Permission, "access denied", "Check the credentials, and that they may do this"},
	http.StatusNotFound:            {errs.NotFound, "not found", ""},
	http.StatusMethodNotAllowed:    {errs.Unsupported, "the service does not support this", ""},
	http.StatusRequestTimeout:      {errs.Timeout, "the server waited too long for the request", ""},
	http.StatusPreconditionFailed:  {errs.Changed, "the object has changed", ""},
	http.StatusTooManyRequests:     {errs.Throttled, "the service asks to slow down", ""},
	http.StatusNotImplemented:      {errs.Unsupported, "the service does not support this", ""},
	http.StatusServiceUnavailable:  {errs.Throttled, "the service asks to slow down", ""},
	http.StatusInsufficientStorage: {errs.NoSpace, "the server's storage is full", ""},

	http.StatusRequestedRangeNotSatisfiable: {errs.OutOfRange, "the offset is beyond the end of the object", ""},
	http.StatusProxyAuthRequired:            {errs.Permission, "the proxy wants a password", "Check HTTP_PROXY and HTTPS_PROXY"},
}

// ByStatus is what is left to go by where a service says nothing else that is known.
func ByStatus(status int) Outcome {
	if o, ok := statuses[status]; ok {
		return o
	}
	switch {
	case status >= 500, status/100 == 2: // an error that came with success
		return Outcome{errs.Server, "the server failed", ""}
	case status/100 == 3:
		return Outcome{errs.Invalid, "the endpoint leads elsewhere", "Check the endpoint"}
	}
	return Outcome{errs.Invalid, "the server refuses the request", ""}
}

// Said is what a server says of a failure, in one line: its code and message,
// else the name of the status.
func Said(code, message string, status int) string {
	if text := strings.Trim(code+": "+strings.TrimSpace(message), ": "); text != "" {
		return text
	}
	return http.StatusText(status)
}
