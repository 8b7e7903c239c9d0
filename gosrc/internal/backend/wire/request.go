package wire

import (
	"errors"
	"io"
	"strconv"
	"strings"
)

// Field is one line of a header.
type Field struct{ Name, Value string }

// Header is a header in the order in which it is sent.
type Header []Field

// Get is the value of the first field of that name, in any case.
func (h Header) Get(name string) string {
	for _, f := range h {
		if len(f.Name) == len(name) && strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Request is one HTTP request. Host and Content-Length are not in its header.
type Request struct {
	Method string
	Host   string // host or host:port, as in the Host header
	Target string // escaped path and query
	Header Header
	Body   []byte
	Once   bool // never sent a second time on another connection

	// Stream is the body where it does not lie in memory: exactly StreamLength
	// bytes. Such a request must be sent Once.
	Stream       io.Reader
	StreamLength int64
}

var errIllegal = errors.New("a header or a target holds a character that would end it")

// check refuses what would let a value pose as another line of the request.
func (r *Request) check() error {
	ok := clean(r.Host, '!') && clean(r.Target, '!')
	for _, f := range r.Header {
		ok = ok && clean(f.Value, ' ')
	}
	if !ok {
		return errIllegal
	}
	return nil
}

// clean says whether s has no byte below the lowest one allowed.
func clean(s string, lowest byte) bool {
	for i := range len(s) {
		if s[i] < lowest {
			return false
		}
	}
	return true
}

// head renders the request line and the header.
func (r *Request) head(b []byte, target string, proxyAuth string) []byte {
	b = append(b, r.Method...)
	b = append(b, ' ')
	b = append(b, target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, r.Host...)
	b = append(b, "\r\n"...)
	for _, f := range r.Header {
		b = field(b, f.Name, f.Value)
	}
	if proxyAuth != "" {
		b = field(b, "Proxy-Authorization", proxyAuth)
	}
	if length := int64(len(r.Body)) + r.StreamLength; length > 0 || r.Method == "PUT" || r.Method == "POST" || r.Method == "PATCH" {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, length, 10)
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...)
}

func field(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}
