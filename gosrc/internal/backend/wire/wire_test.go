package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func transport() *Transport {
	return &Transport{Dial: 10 * time.Second, Stall: 30 * time.Second}
}

func get(host, target string) *Request {
	return &Request{Method: "GET", Host: host, Target: target}
}

// fetch does req and reads the whole answer.
func fetch(t *testing.T, tr *Transport, req *Request) (*Response, []byte, error) {
	t.Helper()
	resp, err := tr.Do(t.Context(), req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Close()
	body, err := io.ReadAll(resp)
	return resp, body, err
}

// scripted listens and lets answer deal with each connection, numbered from 0.
func scripted(t *testing.T, answer func(n int, c net.Conn, r *bufio.Reader)) (host string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				answer(n, c, bufio.NewReader(c))
			}()
		}
	}()
	return l.Addr().String()
}

// skip reads a request without a body.
func skip(r *bufio.Reader) bool {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == "\r\n" {
			return true
		}
	}
}

func TestBodiesOfEveryKind(t *testing.T) {
	data := make([]byte, 300_000)
	rand.Read(data)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/length":
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			w.Write(data)
		case "/chunked":
			for chunk := data; len(chunk) > 0; chunk = chunk[min(len(chunk), 70_001):] {
				w.Write(chunk[:min(len(chunk), 70_001)])
				w.(http.Flusher).Flush()
			}
			w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
		case "/close":
			w.Header().Set("Connection", "close")
			w.Write(data)
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/echo":
			body, _ := io.ReadAll(r.Body)
			w.Write(body)
		}
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	tr := transport()
	defer tr.Close()
	for range 3 {
		for target, want := range map[string][]byte{"/length": data, "/chunked": data, "/close": data, "/none": nil} {
			if _, got, err := fetch(t, tr, get(host, target)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, %v", target, len(got), err)
			}
			resp, got, err := fetch(t, tr, &Request{Method: "HEAD", Host: host, Target: target})
			if err != nil || len(got) != 0 || target == "/length" && resp.Length != int64(len(data)) {
				t.Errorf("HEAD %s: %d bytes, %v", target, len(got), err)
			}
		}
		for _, n := range []int{0, 1, small, small + 1, len(data)} {
			_, got, err := fetch(t, tr, &Request{Method: "PUT", Host: host, Target: "/echo", Body: data[:n]})
			if err != nil || !bytes.Equal(got, data[:n]) {
				t.Errorf("PUT of %d bytes: %d bytes came back, %v", n, len(got), err)
			}
		}
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 10_000))
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	tr := transport()
	defer tr.Close()
	for range 20 {
		if _, _, err := fetch(t, tr, get(host, "/")); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("20 requests took %d connections", n)
	}
	resp, err := tr.Do(t.Context(), get(host, "/"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Close() // unread: its connection is of no further use
	if _, body, err := fetch(t, tr, get(host, "/")); err != nil || len(body) != 10_000 {
		t.Errorf("after an abandoned body: %d bytes, %v", len(body), err)
	}
}

func TestStaleConnection(t *testing.T) {
	host := scripted(t, func(n int, c net.Conn, r *bufio.Reader) {
		if skip(r) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", n)
		}
		// and closes, without having said so
	})
	tr := transport()
	defer tr.Close()
	for i := range 5 {
		_, body, err := fetch(t, tr, get(host, "/"))
		if err != nil || string(body) != fmt.Sprint(i) {
			t.Fatalf("request %d: %q, %v", i, body, err)
		}
	}
}

func TestOnceIsNotRepeated(t *testing.T) {
	var requests atomic.Int64
	host := scripted(t, func(n int, c net.Conn, r *bufio.Reader) {
		for i := 0; skip(r); i++ {
			requests.Add(1)
			if i == 1 {
				return // no answer to the second request
			}
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	for _, once := range []bool{true, false} {
		tr := transport()
		requests.Store(0)
		if _, _, err := fetch(t, tr, get(host, "/")); err != nil {
			t.Fatal(err)
		}
		req := get(host, "/")
		req.Once = once
		_, _, err := fetch(t, tr, req)
		if want := map[bool]int64{true: 2, false: 3}[once]; (err != nil) != once || requests.Load() != want {
			t.Errorf("once=%v: %d requests, %v", once, requests.Load(), err)
		}
		tr.Close()
	}
}

func TestShortBodyIsNoEnd(t *testing.T) {
	for name, answer := range map[string]string{
		"length":  "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"head":    "HTTP/1.1 200 OK\r\nContent-Le",
	} {
		host := scripted(t, func(_ int, c net.Conn, r *bufio.Reader) {
			if skip(r) {
				io.WriteString(c, answer)
			}
		})
		tr := transport()
		if _, _, err := fetch(t, tr, get(host, "/")); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
		tr.Close()
	}
}

func TestMalformedAnswers(t *testing.T) {
	for _, answer := range []string{
		"SSH-2.0-OpenSSH\r\n\r\n",
		"HTTP/1.1 2x0 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHead) + "\r\n\r\n",
	} {
		host := scripted(t, func(_ int, c net.Conn, r *bufio.Reader) {
			if skip(r) {
				io.WriteString(c, answer)
			}
		})
		tr := transport()
		if _, _, err := fetch(t, tr, get(host, "/")); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.60q: %v", answer, err)
		}
		tr.Close()
	}
}

func TestRequestsCannotBeSplit(t *testing.T) {
	tr := transport()
	for _, req := range []*Request{
		get("localhost:1", "/a b"), get("localhost:1", "/a\r\nX: y"),
		{Method: "GET", Host: "localhost:1", Target: "/", Header: Header{{"If-Match", "a\r\nX: y"}}},
	} {
		if _, err := tr.Do(t.Context(), req); !errors.Is(err, errIllegal) {
			t.Errorf("%+v: %v", req, err)
		}
	}
}

func TestStallAndProgress(t *testing.T) {
	const stall = 400 * time.Millisecond
	host := scripted(t, func(_ int, c net.Conn, r *bufio.Reader) {
		skip(r)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
		for range 10 { // slow, but never for as long as the stall time
			time.Sleep(stall / 4)
			io.WriteString(c, "x")
		}
		r.ReadByte() // until the client gives up
	})
	tr := &Transport{Dial: 10 * time.Second, Stall: stall}
	defer tr.Close()
	_, body, err := fetch(t, tr, get(host, "/"))
	if !IsStall(err) || len(body) != 10 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

func TestCancel(t *testing.T) {
	reached := make(chan struct{}, 10)
	host := scripted(t, func(n int, c net.Conn, r *bufio.Reader) {
		skip(r)
		if n == 1 {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
		}
		reached <- struct{}{}
		r.ReadByte()
	})
	tr := transport()
	defer tr.Close()
	for _, where := range []string{"header", "body"} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-reached
			cancel()
		}()
		resp, err := tr.Do(ctx, get(host, "/"))
		if err == nil {
			_, err = io.ReadAll(resp)
			resp.Close()
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("waiting for the %s: %v", where, err)
		}
		cancel()
	}
}

// What is cancelled before it begins never reaches the server.
func TestCancelledBefore(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	tr := transport()
	defer tr.Close()
	if _, _, err := fetch(t, tr, get(host, "/")); err != nil { // leaves an idle connection
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		if _, err := tr.Do(ctx, get(host, "/")); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests arrived", n)
	}
}

// A server that refuses an upload answers before it has read it.
func TestEarlyAnswer(t *testing.T) {
	host := scripted(t, func(_ int, c net.Conn, r *bufio.Reader) {
		skip(r)
		io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
		c.(*net.TCPConn).SetLinger(0) // the rest of the body meets a reset
		time.Sleep(100 * time.Millisecond)
	})
	tr := transport()
	defer tr.Close()
	resp, body, err := fetch(t, tr, &Request{Method: "PUT", Host: host, Target: "/", Body: make([]byte, 64<<20)})
	if err != nil || resp.Status != 403 || string(body) != "no" {
		t.Errorf("%v %q %v", resp, body, err)
	}
}

func TestHTTPProxyForwards(t *testing.T) {
	seen := make(chan *http.Request, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		io.WriteString(w, "through")
	}))
	defer proxy.Close()
	via, _ := url.Parse(strings.Replace(proxy.URL, "http://", "http://user:word@", 1))
	tr := transport()
	tr.Proxy = func(*url.URL) (*url.URL, error) { return via, nil }
	defer tr.Close()
	_, body, err := fetch(t, tr, get("store.example:81", "/a%20b?c"))
	if err != nil || string(body) != "through" {
		t.Fatalf("%q, %v", body, err)
	}
	r := <-seen
	if r.RequestURI != "http://store.example:81/a%20b?c" || r.Host != "store.example:81" ||
		r.Header.Get("Proxy-Authorization") != "Basic dXNlcjp3b3Jk" {
		t.Errorf("the proxy saw %s, host %s, %v", r.RequestURI, r.Host, r.Header)
	}
}
