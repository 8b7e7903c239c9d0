package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"strconv"
	"strings"
)

// Response is the answer to a request. Its body is read with Read; Close makes
// the connection available again.
type Response struct {
	Status int
	Header Header
	Length int64 // of the body; -1 where the server did not say

	ctx    context.Context
	c      *conn
	left   int64     // bytes of the body still to come, where Length >= 0
	stream io.Reader // the body where Length < 0
	reuse  bool      // the connection can serve another request
	closed bool
}

const maxHead = 256 << 10

// ErrMalformed is an answer that is not HTTP/1.
var ErrMalformed = errors.New("the answer is not HTTP/1.1")

// receive reads the header of an answer, past interim ones.
func (c *conn) receive(ctx context.Context, req *Request) (*Response, error) {
	for {
		head, err := c.readHead()
		if err != nil {
			return nil, err
		}
		resp, err := parseHead(head)
		if err != nil {
			return nil, err
		}
		if resp.Status >= 200 {
			resp.ctx, resp.c = ctx, c
			return resp, resp.frame(req.Method)
		}
		if resp.Status == 101 {
			return nil, fmt.Errorf("%w: unexpected switch of protocols", ErrMalformed)
		}
	}
}

// readHead reads up to and including the empty line.
func (c *conn) readHead() (string, error) {
	c.scratch = c.scratch[:0]
	for {
		line, err := c.br.ReadSlice('\n')
		c.scratch = append(c.scratch, line...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return "", io.ErrUnexpectedEOF
		case err != nil:
			return "", err
		case len(line) == 1 || len(line) == 2 && line[0] == '\r':
			return string(c.scratch), nil
		}
		if len(c.scratch) > maxHead {
			return "", fmt.Errorf("%w: its header is longer than %d bytes", ErrMalformed, maxHead)
		}
	}
}

// parseHead takes a header apart; the fields share its memory.
func parseHead(head string) (*Response, error) {
	line, rest := cutLine(head)
	// "HTTP/1.1 200 OK"
	if len(line) < 12 || !strings.HasPrefix(line, "HTTP/1.") || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return nil, ErrMalformed
	}
	status, err := strconv.ParseUint(line[9:12], 10, 16)
	if err != nil || status < 100 {
		return nil, ErrMalformed
	}
	r := &Response{Status: int(status), Header: make(Header, 0, 20), reuse: line[7] == '1'}
	for {
		if line, rest = cutLine(rest); line == "" {
			return r, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || !clean(name, '!') {
			return nil, ErrMalformed
		}
		r.Header = append(r.Header, Field{name, strings.Trim(value, " \t")})
	}
}

func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// frame finds out where the body ends.
func (r *Response) frame(method string) error {
	encoding := r.Header.Get("Transfer-Encoding")
	if encoding != "" && !r.reuse {
		return fmt.Errorf("%w: transfer encoding in HTTP/1.0", ErrMalformed)
	}
	connection := strings.ToLower(r.Header.Get("Connection"))
	r.reuse = r.reuse && connection != "close" || connection == "keep-alive"
	length, err := r.contentLength()
	if err != nil {
		return err
	}
	switch {
	case method == "HEAD":
		r.Length = length // of the body that a GET would have
	case r.Status == 204 || r.Status == 304:
	case strings.EqualFold(encoding, "chunked"):
		r.Length = -1
		r.stream = &chunked{r: httputil.NewChunkedReader(r.c.br), br: r.c.br}
	case encoding != "":
		return fmt.Errorf("%w: unknown transfer encoding %q", ErrMalformed, encoding)
	case length >= 0:
		r.Length, r.left = length, length
	default: // up to the end of the connection
		r.Length, r.reuse = -1, false
		r.stream = r.c.br
	}
	return nil
}

// contentLength is -1 without the field. Several that differ are an attack or a bug.
func (r *Response) contentLength() (int64, error) {
	length := int64(-1)
	for _, f := range r.Header {
		if !strings.EqualFold(f.Name, "Content-Length") {
			continue
		}
		n, err := strconv.ParseUint(f.Value, 10, 63)
		if err != nil || length >= 0 && int64(n) != length {
			return 0, fmt.Errorf("%w: contradictory or bad Content-Length", ErrMalformed)
		}
		length = int64(n)
	}
	return length, nil
}

// Read reads the body. A connection that ends before the body does gives
// io.ErrUnexpectedEOF.
func (r *Response) Read(p []byte) (int, error) {
	if r.closed {
		return 0, ErrClosed
	}
	if r.stream != nil {
		n, err := r.stream.Read(p)
		return n, r.check(err)
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.c.br.Read(p)
	r.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, r.check(err)
}

// check keeps a connection that failed from being used again.
func (r *Response) check(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		r.stream = nil // read to its end: left is 0
		return io.EOF
	}
	r.reuse = false
	return r.c.explain(r.ctx, err)
}

// Close gives the connection back, or closes it where unread data is on its way.
func (r *Response) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	if r.left > 0 && r.left <= int64(r.c.br.Buffered()) {
		n, _ := r.c.br.Discard(int(r.left)) // it is in the buffer: cannot fail
		r.left -= int64(n)
	}
	r.c.release(r.reuse && r.left == 0 && r.stream == nil)
	return nil
}

// chunked reads a body in chunks and the trailer behind it.
type chunked struct {
	r  io.Reader
	br *bufio.Reader
}

func (c *chunked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	for {
		line, err := c.br.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return n, io.ErrUnexpectedEOF
		case err != nil:
			return n, err
		case len(line) <= 2:
			return n, io.EOF
		}
	}
}
