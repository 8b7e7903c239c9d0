package wire

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// canned is a connection on which text arrives.
func canned(text string) *conn {
	c := &conn{Conn: nopConn{}, t: transport(), stop: func() bool { return true }}
	c.br = bufio.NewReaderSize(strings.NewReader(text), readBuffer)
	return c
}

type nopConn struct{ net.Conn }

func (nopConn) Close() error { return nil }

// Of every answer that we accept, net/http reads the same status and, where
// both find its end, the same body.
func FuzzResponse(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.0 404 Not Found\r\n\r\nuntil the end",
		"HTTP/1.1 204 No Content\nETag: \"x\"\n\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		resp, err := canned(text).receive(context.Background(), get("host", "/"))
		if err != nil {
			return
		}
		body, err := io.ReadAll(resp)
		br := bufio.NewReader(strings.NewReader(text))
		theirs, theirErr := http.ReadResponse(br, nil)
		for theirErr == nil && theirs.StatusCode < 200 && theirs.StatusCode != 101 {
			theirs, theirErr = http.ReadResponse(br, nil)
		}
		if theirErr != nil { // they check more of the header
			return
		}
		theirBody, theirErr := io.ReadAll(theirs.Body)
		if resp.Status != theirs.StatusCode || err == nil && theirErr == nil && !bytes.Equal(body, theirBody) {
			t.Errorf("%q\nours: %d %q\ntheirs: %d %q", text, resp.Status, body, theirs.StatusCode, theirBody)
		}
	})
}
