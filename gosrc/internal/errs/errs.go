// Package errs holds the one error type of the library.
//
// Every failure that leaves a package is an *Error: a stable Code that callers
// act upon, and the facts a person needs to repair the cause. The codes are
// those of gosrc/capi/s3dlio.h; capi fails to compile when the two differ.
package errs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Code says what kind of failure an Error is.
type Code int32

// The codes, in the order of s3d_code.
const (
	OK Code = iota
	Invalid
	Unsupported
	NotFound
	AlreadyExists
	Permission
	Credentials
	IsDirectory
	NotDirectory
	OutOfRange
	Changed
	Truncated
	Throttled
	Timeout
	Connection
	Server
	NoSpace
	IO
	Cancelled
	Closed
	Internal
	Count // not a code: how many there are
)

var names = [Count]string{
	"ok", "invalid", "unsupported", "not_found", "already_exists", "permission",
	"credentials", "is_directory", "not_directory", "out_of_range", "changed",
	"truncated", "throttled", "timeout", "connection", "server", "no_space",
	"io", "cancelled", "closed", "internal",
}

func (c Code) String() string {
	if c < 0 || c >= Count {
		return fmt.Sprintf("code(%d)", int32(c))
	}
	return names[c]
}

// Error is a failure with everything known about it. Fields that do not apply
// are zero. No field may hold a credential.
type Error struct {
	Code      Code
	Op        string // "get", "stat", "put", "list", ...
	URI       string
	Endpoint  string
	Status    int    // HTTP status
	RequestID string // the service's name for the request
	Attempts  int    // how often it was tried; 0 means once
	Msg       string // the cause in one sentence, without the URI
	Hint      string // what to do about it
	Retry     RetryAdvice
	Cause     error
}

// RetryAdvice is what the place that saw the failure knows about trying again.
type RetryAdvice struct {
	// AfterSeconds is the wait that the service asked for (Retry-After).
	AfterSeconds float64
	// Answered says that the store itself reported the failure, or has answered
	// before. That it did shows from Status over HTTP; this is for other protocols.
	Answered bool
	// Never forbids another attempt even though the code is a retryable one.
	Never bool
	// Further says that the operation got further than it was before this
	// failure: the time for repeating it starts anew.
	Further bool
}

// New makes an Error for an operation on a URI.
func New(code Code, op, uri, format string, args ...any) *Error {
	return &Error{Code: code, Op: op, URI: uri, Msg: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause, whose text is added to the message.
func Wrap(cause error, code Code, op, uri, format string, args ...any) *Error {
	e := New(code, op, uri, format, args...)
	e.Cause = cause
	return e
}

// WithHint sets what the user can do and returns the error.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Error renders "get s3://b/k: not found: <msg>: <cause> (endpoint ..., HTTP 404, ...). <hint>".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + " ")
	}
	if e.URI != "" {
		b.WriteString(e.URI + ": ")
	}
	b.WriteString(e.Msg)
	if e.Cause != nil {
		if text := e.Cause.Error(); !strings.Contains(e.Msg, text) {
			b.WriteString(": " + text)
		}
	}
	if facts := e.facts(); len(facts) > 0 {
		b.WriteString(" (" + strings.Join(facts, ", ") + ")")
	}
	if e.Hint != "" {
		b.WriteString(". " + e.Hint)
	}
	return b.String()
}

func (e *Error) facts() []string {
	var facts []string
	if e.Endpoint != "" {
		facts = append(facts, "endpoint "+e.Endpoint)
	}
	if e.Status != 0 {
		facts = append(facts, fmt.Sprintf("HTTP %d", e.Status))
	}
	if e.RequestID != "" {
		facts = append(facts, "request "+e.RequestID)
	}
	if e.Attempts > 1 {
		facts = append(facts, fmt.Sprintf("%d attempts", e.Attempts))
	}
	return facts
}

func (e *Error) Unwrap() error { return e.Cause }

// Retryable says whether another attempt may succeed.
func (e *Error) Retryable() bool {
	if e.Retry.Never {
		return false
	}
	switch e.Code {
	case Truncated, Throttled, Timeout, Connection, Server:
		return true
	}
	return false
}

// From returns err as an *Error. Context errors become Cancelled or Timeout,
// anything else that is not yet an *Error becomes Internal.
func From(err error, op, uri string) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return Wrap(err, Cancelled, op, uri, "cancelled")
	case errors.Is(err, context.DeadlineExceeded):
		return Wrap(err, Timeout, op, uri, "timed out")
	}
	return Wrap(err, Internal, op, uri, "unexpected failure")
}

// CodeOf returns the code of err: OK for nil.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	return From(err, "", "").Code
}

type wire struct {
	Code      Code     `json:"code"`
	Name      string   `json:"name"`
	Op        string   `json:"op,omitempty"`
	URI       string   `json:"uri,omitempty"`
	Endpoint  string   `json:"endpoint,omitempty"`
	Status    int      `json:"status,omitempty"`
	RequestID string   `json:"request_id,omitempty"`
	Attempts  int      `json:"attempts"`
	Message   string   `json:"message"`
	Causes    []string `json:"causes,omitempty"`
}

// JSON is the form in which an error crosses the ABI: the fields, the whole
// text as message, and the texts of the chain of causes, outermost first.
func (e *Error) JSON() []byte {
	w := wire{
		Code: e.Code, Name: e.Code.String(), Op: e.Op, URI: e.URI, Endpoint: e.Endpoint,
		Status: e.Status, RequestID: e.RequestID, Attempts: max(e.Attempts, 1), Message: e.Error(),
	}
	for c := e.Cause; c != nil; c = errors.Unwrap(c) {
		w.Causes = append(w.Causes, c.Error())
	}
	text, err := json.Marshal(w)
	if err != nil { // only strings and numbers: cannot happen
		panic(err)
	}
	return text
}
