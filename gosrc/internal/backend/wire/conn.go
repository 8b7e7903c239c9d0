package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// conn is one connection, used by one goroutine at a time.
type conn struct {
	net.Conn // TLS or plain
	tcp      *net.TCPConn
	t        *Transport
	host     string
	forward  string // through a proxy that forwards requests: what precedes the target
	auth     string // for that proxy
	br       *bufio.Reader
	scratch  []byte // header being written or read

	deadline  time.Time
	idleSince time.Time
	answered  bool // a byte of the current answer has come
	stop      func() bool
	cancelled atomic.Bool
}

const (
	readBuffer = 4 << 10 // holds a header; bodies go past it
	writeChunk = 256 << 10
	small      = 16 << 10 // bodies that are sent along with the header
)

// exchange sends req and reads the header of the answer.
func (c *conn) exchange(ctx context.Context, req *Request) (*Response, error) {
	c.answered = false
	c.stop = context.AfterFunc(ctx, func() { background("cancel", c.interrupt) })
	sent := c.send(req)
	if sent != nil && (ctx.Err() != nil || IsStall(sent) || errors.Is(sent, errBody)) {
		return nil, c.explain(ctx, sent)
	}
	// A server that refuses a body answers and closes before it has read it all.
	resp, err := c.receive(ctx, req)
	switch {
	case sent != nil && (err != nil || resp.Status < 400):
		return nil, c.explain(ctx, sent)
	case err != nil:
		return nil, c.explain(ctx, err)
	case sent != nil:
		resp.reuse = false
	}
	return resp, nil
}

func (c *conn) send(req *Request) error {
	c.scratch = req.head(c.scratch[:0], c.forward+req.Target, c.auth)
	body := req.Body
	if len(body) <= small {
		c.scratch = append(c.scratch, body...)
		body = nil
	}
	if err := c.write(c.scratch); err != nil {
		return err
	}
	if err := c.write(body); err != nil || req.Stream == nil {
		return err
	}
	return c.stream(req.Stream, req.StreamLength)
}

// stream sends a body of length bytes through a buffer of writeChunk.
func (c *conn) stream(body io.Reader, length int64) error {
	buffer := chunks.Get().(*[writeChunk]byte)
	defer chunks.Put(buffer)
	for left := length; left > 0; {
		n, err := io.ReadFull(body, buffer[:min(left, writeChunk)])
		if err != nil {
			return fmt.Errorf("%w: %d of %d bytes are missing: %w", errBody, left-int64(n), length, err)
		}
		if err := c.write(buffer[:n]); err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

// errBody is a body that its caller did not deliver whole.
var errBody = errors.New("the body to send broke off")

var chunks = sync.Pool{New: func() any { return new([writeChunk]byte) }}

// write goes in chunks, each of which is progress.
func (c *conn) write(p []byte) error {
	for len(p) > 0 {
		c.extend()
		n, err := c.Conn.Write(p[:min(len(p), writeChunk)])
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// Read is what the buffered reader reads through.
func (c *conn) Read(p []byte) (int, error) {
	c.extend()
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.answered = true
	}
	return n, err
}

// extend moves the deadline to Stall from now. It does so ahead of time, for
// setting it costs more than looking at the clock.
func (c *conn) extend() {
	now := time.Now()
	if c.deadline.Sub(now) >= c.t.Stall {
		return
	}
	c.deadline = now.Add(c.t.Stall + c.t.Stall/4)
	_ = c.SetDeadline(c.deadline) // fails only on a closed connection, as the read will
	if c.cancelled.Load() {
		c.interrupt() // its deadline has just been overwritten
	}
}

// interrupt makes the I/O under way fail at once.
func (c *conn) interrupt() {
	c.cancelled.Store(true)
	_ = c.SetDeadline(time.Unix(1, 0))
}

// explain replaces the symptom of a cancellation by its reason.
func (c *conn) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// IsStall says whether err is the absence of progress for the Stall time.
func IsStall(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// alive says whether an idle connection is worth a request: nothing may have
// arrived on it, neither the end nor data that nobody asked for.
func (c *conn) alive() bool {
	if time.Since(c.idleSince) < time.Second {
		return true
	}
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return false
	}
	var one [1]byte
	quiet := false
	err = raw.Control(func(fd uintptr) {
		_, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		quiet = errors.Is(err, unix.EAGAIN)
	})
	return err == nil && quiet && c.br.Buffered() == 0
}

// release ends the use of the connection by a request.
func (c *conn) release(reuse bool) {
	if c.stop() && reuse && c.br.Buffered() == 0 {
		c.t.put(c)
		return
	}
	c.close()
}

func (c *conn) close() {
	if c.stop != nil {
		c.stop()
	}
	_ = c.Conn.Close() // whatever was sent has been answered or has failed
}
