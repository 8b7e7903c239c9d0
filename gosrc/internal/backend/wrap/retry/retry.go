// Package retry makes one Backend of another that repeats what failed for a
// passing reason. A read goes on at the byte it had reached, a listing at the
// key; what the caller sees is one operation that took longer.
package retry

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Policy limits the repetitions of one operation. Progress, such as bytes
// read, starts the time anew.
type Policy struct {
	Known       time.Duration // for a store that has ever answered: it may be restarting
	Unknown     time.Duration // for one that never did: it is likely a wrong address
	MaxAttempts int           // 0: only the time limits
}

// Backend repeats the operations of the store below it.
type Backend struct {
	inner    backend.Backend
	policy   Policy
	answered func() bool
	repeats  atomic.Int64
}

// New wraps inner; answered says whether the store has ever replied.
func New(inner backend.Backend, policy Policy, answered func() bool) *Backend {
	return &Backend{inner: inner, policy: policy, answered: answered}
}

// Repeats is how many operations were tried again so far.
func (b *Backend) Repeats() int64 { return b.repeats.Load() }

// do repeats f until it succeeds or the policy gives up.
func do[T any](ctx context.Context, b *Backend, op string, u uri.URI, f func() (T, error)) (T, error) {
	t := b.trial(ctx, op, u)
	for {
		out, err := f()
		if err == nil {
			return out, nil
		}
		if err := t.again(err); err != nil {
			return out, err
		}
	}
}

func run(ctx context.Context, b *Backend, op string, u uri.URI, f func() error) error {
	_, err := do(ctx, b, op, u, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// Stat repeats.
func (b *Backend) Stat(ctx context.Context, u uri.URI) (backend.Info, error) {
	return do(ctx, b, "stat", u, func() (backend.Info, error) { return b.inner.Stat(ctx, u) })
}

// Put repeats: it stores the same object again.
func (b *Backend) Put(ctx context.Context, u uri.URI, data []byte, a *backend.Attributes) (backend.Info, error) {
	return do(ctx, b, "put", u, func() (backend.Info, error) { return b.inner.Put(ctx, u, data, a) })
}

// Delete repeats. That the object is gone is success where an earlier try may
// have deleted it.
func (b *Backend) Delete(ctx context.Context, u uri.URI) error {
	return b.unless(ctx, "delete", u, errs.NotFound, func() error { return b.inner.Delete(ctx, u) })
}

// Mkdir repeats.
func (b *Backend) Mkdir(ctx context.Context, u uri.URI) error {
	return run(ctx, b, "mkdir", u, func() error { return b.inner.Mkdir(ctx, u) })
}

// CreateContainer repeats. That the container exists is success where an
// earlier try may have created it without our learning of it.
func (b *Backend) CreateContainer(ctx context.Context, u uri.URI) error {
	return b.unless(ctx, "create_container", u, errs.AlreadyExists, func() error { return b.inner.CreateContainer(ctx, u) })
}

// DeleteContainer repeats. That the container is gone is success where an
// earlier try may have deleted it.
func (b *Backend) DeleteContainer(ctx context.Context, u uri.URI) error {
	return b.unless(ctx, "delete_container", u, errs.NotFound, func() error { return b.inner.DeleteContainer(ctx, u) })
}

func (b *Backend) unless(ctx context.Context, op string, u uri.URI, done errs.Code, f func() error) error {
	unsure := false
	return run(ctx, b, op, u, func() error {
		err := f()
		if unsure && errs.CodeOf(err) == done {
			return nil
		}
		unsure = unsure || mayHaveHappened(err)
		return err
	})
}

// Close closes the store below.
func (b *Backend) Close() error { return b.inner.Close() }
