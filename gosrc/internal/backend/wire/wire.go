// Package wire is a small HTTP/1.1 client in which the caller's own goroutine
// does the I/O.
//
// net/http gives every connection two goroutines; for objects of some 100 KiB
// waking them costs as much as moving the data. Here a request is written, the
// answer parsed and the body read straight into the caller's slice without a
// hand-over, at about half the CPU time. It does what an object store needs and
// no more: no redirects, no cookies, no compression, no HTTP/2.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
)

// Transport keeps the connections to the hosts of one endpoint.
type Transport struct {
	TLS   *tls.Config                      // nil: plain HTTP
	Proxy func(*url.URL) (*url.URL, error) // nil: none
	Dial  time.Duration                    // to open a connection, TLS included
	Stall time.Duration                    // without a byte of progress

	mu     sync.Mutex
	idle   map[string][]*conn // by host, the most recently used last
	reaper *time.Timer        // runs while connections idle
	closed bool
}

// ErrClosed is the failure of a request to a closed Transport.
var ErrClosed = errors.New("the connections have been closed")

const (
	maxIdle     = 512 // connections kept for a host
	idleTimeout = 45 * time.Second
)

// Do sends req and returns the answer once its header is here. The caller must
// close it.
func (t *Transport) Do(ctx context.Context, req *Request) (*Response, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil { // the server must not learn of a request that was given up before
		return nil, err
	}
	for {
		c, reused, err := t.get(ctx, req)
		if err != nil {
			return nil, err
		}
		resp, err := c.exchange(ctx, req)
		if err == nil {
			return resp, nil
		}
		c.close()
		// The server may close an idle connection at the moment of its reuse;
		// a request without any answer then goes out again on another one.
		if !reused || c.answered || req.Once || ctx.Err() != nil || IsStall(err) {
			return nil, err
		}
	}
}

// get takes an idle connection or opens one.
func (t *Transport) get(ctx context.Context, req *Request) (c *conn, reused bool, err error) {
	for {
		c, err := t.take(req.Host)
		if err != nil {
			return nil, false, err
		}
		if c == nil {
			break
		}
		if c.alive() {
			return c, true, nil
		}
		c.close()
	}
	c, err = t.open(ctx, req.Host)
	return c, false, err
}

func (t *Transport) take(host string) (*conn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	list := t.idle[host]
	if len(list) == 0 {
		return nil, nil
	}
	c := list[len(list)-1]
	t.idle[host] = list[:len(list)-1]
	return c, nil
}

// put keeps a connection for the next request.
func (t *Transport) put(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.idle[c.host]
	if t.closed || len(list) >= maxIdle {
		c.close()
		return
	}
	if t.idle == nil {
		t.idle = map[string][]*conn{}
	}
	c.idleSince = time.Now()
	t.idle[c.host] = append(list, c)
	if t.reaper == nil {
		t.reaper = time.AfterFunc(idleTimeout, t.reaping)
	}
}

func (t *Transport) reaping() { background("close idle connections", t.reap) }

// background runs what no caller waits for; a panic in it goes to the log.
func background(op string, f func()) {
	_ = guard.Run(op, "", func() error { f(); return nil })
}

// reap closes what has idled for too long.
func (t *Transport) reap() {
	t.mu.Lock()
	defer t.mu.Unlock()
	oldest := time.Now().Add(-idleTimeout)
	left := 0
	for host, list := range t.idle {
		fresh := slices.IndexFunc(list, func(c *conn) bool { return c.idleSince.After(oldest) })
		if fresh < 0 {
			fresh = len(list)
		}
		for _, c := range list[:fresh] {
			c.close()
		}
		t.idle[host] = slices.Clone(list[fresh:])
		left += len(list) - fresh
	}
	t.reaper = nil
	if left > 0 && !t.closed {
		t.reaper = time.AfterFunc(idleTimeout/2, t.reaping)
	}
}

// Close closes the idle connections, and the others as they finish.
func (t *Transport) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, list := range t.idle {
		for _, c := range list {
			c.close()
		}
	}
	t.idle = nil
	if t.reaper != nil {
		t.reaper.Stop()
	}
}
