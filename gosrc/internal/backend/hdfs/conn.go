package hdfs

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// longestAnswer is beyond what a namenode sends at once (ipc.maximum.response.length).
const longestAnswer = 256 << 20

// errNoNamenode is a connection to a server that speaks something else, HTTP for instance.
var errNoNamenode = errors.New("the answer is not that of a namenode")

// broken is the failure of a connection.
type broken struct {
	address  string
	namenode bool
	hopeless bool // another attempt is in vain
	answered bool // the cluster has, before
	err      error
}

func (b *broken) Error() string { return b.err.Error() }
func (b *broken) Unwrap() error { return b.err }

// conn is a connection of a session. It gives up when nothing has moved for a
// while, and tells the session why it failed.
type conn struct {
	net.Conn
	ses      *session
	address  string
	namenode bool
	begun    bool // something was read
}

// dialer makes the connections of a session. The library calls it without a
// context; the operation that the session is for has one.
func (ses *session) dialer(namenode bool) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, network, address string) (net.Conn, error) {
		ctx, err := ses.mayDial()
		if err != nil {
			return nil, err
		}
		d := net.Dialer{Timeout: ses.cluster.store.cfg.ConnectTimeout.Duration()}
		raw, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, ses.failed(&broken{address: address, namenode: namenode, err: err})
		}
		return ses.opened(&conn{Conn: raw, ses: ses, address: address, namenode: namenode})
	}
}

func (c *conn) Read(p []byte) (n int, err error) {
	if err = c.Conn.SetReadDeadline(c.deadline()); err == nil {
		if c.namenode && !c.begun {
			n, err = c.readFirst(p)
		} else {
			n, err = c.Conn.Read(p)
		}
	}
	return n, c.outcome(err)
}

// readFirst looks at the length that every answer begins with: the library
// would make room for as many bytes as a stranger's first four happen to say.
func (c *conn) readFirst(p []byte) (int, error) {
	c.begun = true
	n, err := io.ReadFull(c.Conn, p)
	if err == nil && len(p) == 4 && binary.BigEndian.Uint32(p) > longestAnswer {
		return 0, errNoNamenode
	}
	if err == nil {
		c.ses.cluster.spoke()
	}
	return n, err
}

func (c *conn) Write(p []byte) (n int, err error) {
	if err = c.Conn.SetWriteDeadline(c.deadline()); err == nil {
		n, err = c.Conn.Write(p)
	}
	return n, c.outcome(err)
}

func (c *conn) deadline() time.Time {
	return time.Now().Add(c.ses.cluster.store.cfg.RequestTimeout.Duration())
}

func (c *conn) outcome(err error) error {
	if err == nil {
		return nil
	}
	return c.ses.failed(&broken{address: c.address, namenode: c.namenode, err: err})
}

// SetDeadline is the library's, which has none to set: those of Read and Write hold.
func (c *conn) SetDeadline(time.Time) error { return nil }

func (c *conn) Close() error {
	c.ses.forget(c)
	return c.Conn.Close()
}
