package hdfs

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
)

// idleTime is how long a session is kept for the next operation. Not longer:
// each client of the library bothers the namenode once a second.
const idleTime = 5 * time.Second

// neverAnswered is how long a cluster is tried whose namenodes have not said
// anything: most likely its address is wrong. That others did says nothing of it.
// After a pause longer than those between attempts it is a new trial.
const (
	neverAnswered = 5 * time.Second
	pause         = 15 * time.Second
)

// cluster is the file system of one namenode, or of several that stand in for
// one another, with its idle sessions.
type cluster struct {
	store *store

	mu        sync.Mutex
	addresses []string   // of the namenodes, the one that answered last first
	idle      []*session // the one used last at the end
	closed    bool
	answered  bool      // a namenode ever did
	silent    time.Time // since when they did not, while answered is false
	tried     time.Time // when they were asked in vain last
}

// take is a session for an operation; release gives it back.
func (c *cluster) take(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for {
		ses, addresses := c.pop()
		if ses == nil {
			ses, err := newSession(ctx, c, addresses)
			if err != nil {
				return nil, c.heard(err)
			}
			return ses, nil
		}
		ses.retire.Stop()
		if ses.healthy() {
			ses.begin(ctx)
			return ses, nil
		}
		ses.discard()
	}
}

// with runs f with a session. Its error has a type, if there is any.
func (c *cluster) with(ctx context.Context, f func(*session) error) error {
	ses, err := c.take(ctx)
	if err != nil {
		return err
	}
	defer ses.release()
	return c.heard(ses.explain(f(ses)))
}

// heard draws conclusions from the outcome of an exchange, and returns it.
func (c *cluster) heard(err error) error {
	var cut *broken
	silence := errors.As(err, &cut) && cut.namenode
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil || isAnswer(err):
		c.answered = true
	case !silence:
	case c.answered:
		cut.answered = true
	case time.Since(c.tried) > pause:
		c.silent, c.tried = time.Now(), time.Now()
	default:
		c.tried = time.Now()
		cut.hopeless = time.Since(c.silent) > neverAnswered
	}
	return err
}

// spoke notes that a namenode has said something, be it that it is a standby,
// while the active one cannot be reached: a failover takes longer than the
// patience with a wrong address.
func (c *cluster) spoke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = true
}

func (c *cluster) pop() (*session, []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.idle); n > 0 {
		ses := c.idle[n-1]
		c.idle = c.idle[:n-1]
		return ses, nil
	}
	return nil, slices.Clone(c.addresses)
}

// keep makes a session idle.
func (c *cluster) keep(ses *session) {
	if !c.keeps(ses) {
		ses.discard()
	}
}

func (c *cluster) keeps(ses *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if i := slices.Index(c.addresses, ses.address); i > 0 { // the active namenode changed
		c.addresses = slices.Insert(slices.Delete(c.addresses, i, i+1), 0, ses.address)
	}
	c.idle = append(c.idle, ses)
	ses.retire = time.AfterFunc(idleTime, func() { background("idle", func() { c.drop(ses) }) })
	return true
}

// drop ends a session that is still idle.
func (c *cluster) drop(ses *session) {
	c.mu.Lock()
	i := slices.Index(c.idle, ses)
	if i >= 0 {
		c.idle = slices.Delete(c.idle, i, i+1)
	}
	c.mu.Unlock()
	if i >= 0 {
		ses.discard()
	}
}

func (c *cluster) close() {
	c.mu.Lock()
	idle := c.idle
	c.idle, c.closed = nil, true
	c.mu.Unlock()
	for _, ses := range idle {
		ses.retire.Stop()
		ses.discard()
	}
}

// background runs what a timer or a context calls; there is nobody to tell of a panic.
func background(op string, f func()) {
	if err := guard.Run(op, "", func() error { f(); return nil }); err != nil {
		slog.Error("in the background", "error", err)
	}
}
