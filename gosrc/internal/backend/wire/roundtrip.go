package wire

import (
	"fmt"
	"io"
	"net/http"
)

// RoundTrip makes a Transport the http.RoundTripper that the SDKs of the stores
// take. It serves one endpoint: the scheme of the URL must be the one that the
// Transport speaks.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if secure := t.TLS != nil; secure != (r.URL.Scheme == "https") {
		return nil, fmt.Errorf("a request to %s://%s over the connections of an endpoint of the other scheme", r.URL.Scheme, r.URL.Host)
	}
	req, err := translated(r)
	if err != nil {
		return nil, err
	}
	resp, err := t.Do(r.Context(), req)
	if err != nil {
		return nil, err
	}
	return resp.standard(r), nil
}

// translated is a request of the standard library as ours. A body that is no
// longer than what goes out with the header is read here and can be sent again.
func translated(r *http.Request) (*Request, error) {
	req := &Request{Method: r.Method, Host: r.Host, Target: r.URL.RequestURI(), Header: make(Header, 0, len(r.Header))}
	if req.Method == "" {
		req.Method = http.MethodGet
	}
	if req.Host == "" {
		req.Host = r.URL.Host
	}
	for name, values := range r.Header {
		if ours[name] {
			continue
		}
		for _, value := range values {
			req.Header = append(req.Header, Field{name, value})
		}
	}
	switch {
	case r.Body == nil || r.Body == http.NoBody:
	case r.ContentLength > small:
		req.Stream, req.StreamLength, req.Once = r.Body, r.ContentLength, true
	default: // -1: its length is not known, and chunks are not what stores like
		var err error
		if req.Body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	return req, nil
}

// ours are the fields that this package writes itself.
var ours = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Connection": true}

// standard is the answer as one of the standard library, which closes it.
func (r *Response) standard(req *http.Request) *http.Response {
	header := make(http.Header, len(r.Header))
	for _, f := range r.Header {
		header.Add(f.Name, f.Value)
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", r.Status, http.StatusText(r.Status)), StatusCode: r.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: r, ContentLength: r.Length, Request: req,
	}
}
