package fetch

import (
	"context"
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// Client is a configuration and the stores opened with it, one a scheme, each
// at its first use.
type Client struct {
	cfg *config.Config

	mu     sync.Mutex
	stores map[string]*wrap.Store
	users  int // the owner and the live streams
}

// NewClient does no I/O.
func NewClient(cfg *config.Config) *Client {
	return &Client{cfg: cfg, stores: map[string]*wrap.Store{}, users: 1}
}

func (c *Client) store(ctx context.Context, d backend.Driver) (backend.Backend, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.stores[d.Scheme]; ok {
		return s, nil
	}
	s, err := wrap.Open(ctx, d, c.cfg)
	if err != nil {
		return nil, err
	}
	c.stores[d.Scheme] = s
	return s, nil
}

// Stats is a snapshot of the statistics of every store, by scheme.
func (c *Client) Stats() map[string]wrap.Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]wrap.Stats{}
	for scheme, s := range c.stores {
		out[scheme] = s.Stats()
	}
	return out
}

// acquire adds a user; false once the client has been closed.
func (c *Client) acquire() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users == 0 {
		return false
	}
	c.users++
	return true
}

// Close gives up the caller's use; the connections close with the last user.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users--; c.users > 0 {
		return nil
	}
	var first error
	for _, s := range c.stores {
		if err := s.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

var errClosedClient = errs.New(errs.Closed, "", "", "the client has been closed")
