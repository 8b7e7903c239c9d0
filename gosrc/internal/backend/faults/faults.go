//go:build faults

// Package faults is a store that misbehaves, for tests of the rules at the C
// boundary. It is only in libraries built with -tags faults.
//
//	fault://panic/key      Open panics
//	fault://slow/N         N bytes that arrive a few at a time, until cancelled
//	fault://stubborn/N     as slow, but deaf to cancellation for two seconds
//	fault://panic/key      ... and so do Put and WritePart
//	fault://stall/key      Put and WritePart end only when they are cancelled
//	fault://full/key       Put, and every part from the second on, has no space
package faults

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

const (
	pause = 10 * time.Millisecond
	deaf  = 2 * time.Second
)

func init() {
	backend.Register(backend.Driver{Scheme: "fault", New: func(context.Context, *config.Config, string) (backend.Backend, error) {
		return store{}, nil
	}})
}

// store has only Open, and what writing.go adds: every other method of the contract panics, as a bug would.
type store struct{ backend.Backend }

func (store) Close() error { return nil }

func (store) Open(ctx context.Context, u uri.URI, r backend.Range, _ string) (backend.Reader, error) {
	if u.Container == "panic" {
		panic("a fault that was asked for")
	}
	size, err := strconv.ParseInt(u.Key, 10, 64)
	if err != nil {
		return nil, errs.Wrap(err, errs.NotFound, "get", u.String(), "not found: the key is not a number")
	}
	n := max(0, size-r.Offset)
	if r.Length >= 0 {
		n = min(n, r.Length)
	}
	return &reader{ctx: ctx, size: size, left: n, n: n, deafUntil: deafness(u)}, nil
}

func deafness(u uri.URI) time.Time {
	if u.Container == "stubborn" {
		return time.Now().Add(deaf)
	}
	return time.Time{}
}

type reader struct {
	ctx       context.Context
	size      int64
	n, left   int64
	deafUntil time.Time
}

func (r *reader) Info() backend.Info { return backend.Info{Size: r.size, ETag: "fault"} }
func (r *reader) Len() int64         { return r.n }
func (r *reader) Close() error       { return nil }

func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(pause)
	if err := r.ctx.Err(); err != nil && time.Now().After(r.deafUntil) {
		return 0, err
	}
	n := int(min(r.left, int64(len(p)), 16))
	for i := range n {
		p[i] = 'x'
	}
	r.left -= int64(n)
	return n, nil
}
