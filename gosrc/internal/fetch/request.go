package fetch

import (
	"cmp"
	"context"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Request is one thing to do.
type Request struct {
	Index  int64
	URI    string
	Target string // where a Copy stores it
	Size   int64  // of the object, -1 unknown
	Offset int64
	Length int64 // -1: to the end
	// ETag is the version that a Get must find; empty: any, as long as all of it is of one.
	ETag string
	// Memory is the caller's: where a Get writes, what a Put stores. A Get
	// without it (nil) allocates.
	Memory []byte
}

// Item is the outcome of one request, or one page of a listing.
type Item struct {
	Index  int64
	Err    *errs.Error
	Data   []byte
	Buffer *buffers.Buffer // owner of Data; nil where Data is the caller's memory or empty
	Size   int64           // of the whole object, -1 unknown
	Text   []byte
	Took   time.Duration // from the start of its first step to the end of the last
}

// Source gives a stream its requests, in order, from one goroutine at a time.
type Source interface {
	// Len is the number of requests.
	Len() int64
	// At returns request i, for 0 <= i < Len().
	At(i int64) Request
}

// target is a request's URI, parsed, and the store behind it.
type target struct {
	uri   uri.URI
	store backend.Backend
}

func (c *Client) target(ctx context.Context, op Op, text string) (target, error) {
	u, driver, err := backend.Resolve(op.String(), text)
	if err != nil {
		return target{}, err
	}
	store, err := c.store(ctx, driver)
	if err != nil {
		return target{}, err
	}
	return target{u, store}, nil
}

// named returns err as an *errs.Error; where it does not say which operation
// failed on what, as a failure of the configuration cannot, these are added.
func named(err error, op, text string) *errs.Error {
	e := errs.From(err, op, text)
	if e == nil || e.Op != "" && e.URI != "" {
		return e
	}
	out := *e // several requests may have the same error
	out.Op, out.URI = cmp.Or(e.Op, op), cmp.Or(e.URI, text)
	return &out
}
