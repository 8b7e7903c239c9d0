package fetch

import (
	"context"
	"log/slog"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/upload"
)

// Create starts a writer of the object that text names; it does no network I/O.
func (c *Client) Create(text string, opts upload.Options) (*upload.Writer, error) {
	if !c.acquire() {
		return nil, errClosedClient
	}
	w, err := c.create(text, opts)
	if err != nil {
		c.leave()
	}
	return w, err
}

func (c *Client) create(text string, opts upload.Options) (*upload.Writer, error) {
	t, err := c.target(context.Background(), Put, text)
	if err != nil {
		return nil, named(err, Put.String(), text)
	}
	if err := t.needsKey(Put.String(), text); err != nil {
		return nil, err
	}
	if t.uri.Container == "" && t.uri.IsDir() {
		return nil, errs.New(errs.IsDirectory, Put.String(), text, "the URI names a directory").WithHint("Add the name of a file")
	}
	return upload.New(t.store, t.uri, opts, c.leave)
}

func (c *Client) leave() {
	if err := c.Close(); err != nil {
		slog.Warn("closing a client", "error", err)
	}
}
