package hdfs

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/colinmarc/hdfs/v2"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// session is one client of the library, and so one connection to a namenode,
// for one operation at a time. When the context of the operation ends, its
// connections are closed; the library then gives up.
type session struct {
	cluster *cluster
	client  *hdfs.Client
	retire  *time.Timer // while it is idle

	mu      sync.Mutex
	ctx     context.Context // of the operation; nil while it is idle
	stop    func() bool     // ends the watch on ctx
	conns   map[*conn]struct{}
	address string // of the namenode that it is connected to
	trouble error  // the last failure of a connection during the operation
	lost    bool   // the connection to the namenode broke
	closed  bool
}

// newSession connects to a namenode.
func newSession(ctx context.Context, c *cluster, addresses []string) (*session, error) {
	o, err := c.store.who.options()
	if err != nil {
		return nil, err
	}
	ses := &session{cluster: c, conns: map[*conn]struct{}{}}
	o.Addresses = addresses
	o.NamenodeDialFunc, o.DatanodeDialFunc = ses.dialer(true), ses.dialer(false)
	ses.begin(ctx)
	if ses.client, err = hdfs.NewClient(o); err == nil {
		_, err = ses.client.ServerDefaults() // most will want them; most other requests lose why one is not let in
	}
	if err != nil {
		err = ses.explain(err)
		ses.end()
		ses.discard()
		return nil, err
	}
	return ses, nil
}

// begin makes it the session of an operation, until end.
func (ses *session) begin(ctx context.Context) {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	ses.ctx, ses.trouble = ctx, nil
	ses.stop = context.AfterFunc(ctx, func() { background("cancel", ses.hangUp) })
}

// end closes the connections to datanodes, of which the library leaves some
// open, and says whether the session can be used again.
func (ses *session) end() (healthy bool) {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	if !ses.stop() {
		ses.closed = true // hangUp is under way, or done
	}
	ses.ctx = nil
	for c := range ses.conns {
		if !c.namenode {
			_ = c.Conn.Close() // nothing more is expected of it
			delete(ses.conns, c)
		}
	}
	return !ses.closed && !ses.lost
}

// release gives the session back after an operation.
func (ses *session) release() {
	if ses.end() {
		ses.cluster.keep(ses)
	} else {
		ses.discard()
	}
}

// hangUp closes all connections, so that what waits for them ends.
func (ses *session) hangUp() {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	ses.closed = true
	for c := range ses.conns {
		_ = c.Conn.Close() // that is all that is wanted of it
	}
	clear(ses.conns)
}

func (ses *session) discard() {
	ses.hangUp()
	if ses.client != nil {
		_ = ses.client.Close() // its connection is closed already
	}
}

func (ses *session) healthy() bool {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	return !ses.closed && !ses.lost
}

// mayDial is the context for a new connection. An idle session makes none: its
// client, which goes on asking the namenode for its leases, would.
func (ses *session) mayDial() (context.Context, error) {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	if ses.closed || ses.ctx == nil {
		return nil, net.ErrClosed
	}
	return ses.ctx, nil
}

// opened takes charge of a new connection.
func (ses *session) opened(c *conn) (net.Conn, error) {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	if ses.closed {
		_ = c.Conn.Close() // nobody has used it
		return nil, net.ErrClosed
	}
	ses.conns[c] = struct{}{}
	if c.namenode {
		ses.address, ses.lost = c.address, false
	}
	return c, nil
}

func (ses *session) forget(c *conn) {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	delete(ses.conns, c)
}

// failed notes the failure of a connection, and returns it.
func (ses *session) failed(b *broken) error {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	ses.lost = ses.lost || b.namenode
	if !errors.Is(b, net.ErrClosed) { // by us: it says nothing
		ses.trouble = b
	}
	return b
}

// explain is err with its type: the library makes text of some failures. What
// the namenode has answered stands; else the reason is that a connection failed.
func (ses *session) explain(err error) error {
	if err == nil || isAnswer(err) {
		return err
	}
	ses.mu.Lock()
	defer ses.mu.Unlock()
	if known := (*errs.Error)(nil); !errors.As(err, &known) {
		ses.lost = true // what it keeps, such as the key of encrypted transfers, may be the reason
	}
	switch {
	case ses.ctx != nil && ses.ctx.Err() != nil:
		return ses.ctx.Err()
	case isHandshake(err) && !(ses.trouble != nil && strings.HasSuffix(err.Error(), ses.trouble.Error())):
		return handshakeFailed(err)
	case ses.trouble != nil:
		return ses.trouble
	}
	return err
}

// context is that of the operation.
func (ses *session) context() context.Context {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	return ses.ctx
}
