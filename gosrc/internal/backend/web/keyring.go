package web

import (
	"context"
	"sync/atomic"
	"time"
)

// Source gets credentials and says when they expire; zero: never.
type Source[T comparable] func(context.Context) (T, time.Time, error)

// Held are credentials in use.
type Held[T comparable] struct {
	Value   T
	expires time.Time // zero: never
	renewAt time.Time
}

// hold decides when to renew: two minutes before the end, or when 80 % of a
// short life have passed.
func hold[T comparable](v T, expires time.Time) *Held[T] {
	h := &Held[T]{Value: v, expires: expires}
	if !expires.IsZero() {
		h.renewAt = expires.Add(-min(2*time.Minute, max(0, time.Until(expires))/5))
	}
	return h
}

// Keyring keeps the current credentials and renews them before they expire.
type Keyring[T comparable] struct {
	source  Source[T]
	current atomic.Pointer[Held[T]]

	turn     chan struct{} // held by the one that renews
	failure  error         // of the last renewal; guarded by turn
	failedAt time.Time
}

// patience is how long a failure to get credentials is taken for granted: the
// many requests of a stream must not each wait for a metadata service.
const patience = 5 * time.Second

// NewKeyring makes a Keyring without credentials: the first who wants some waits for them.
func NewKeyring[T comparable](s Source[T]) *Keyring[T] {
	return &Keyring[T]{source: s, turn: make(chan struct{}, 1)}
}

// Get returns credentials that are valid now. While one caller renews them
// ahead of their end, the others go on with the old ones.
func (k *Keyring[T]) Get(ctx context.Context) (*Held[T], error) {
	now := time.Now()
	v := k.current.Load()
	if v != nil && (v.renewAt.IsZero() || now.Before(v.renewAt)) {
		return v, nil
	}
	valid := v != nil && now.Before(v.expires)
	if valid {
		select {
		case k.turn <- struct{}{}:
		default:
			return v, nil
		}
	} else {
		select {
		case k.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer func() { <-k.turn }()
	fresh, err := k.renew(ctx, v)
	if err != nil && valid {
		return v, nil
	}
	return fresh, err
}

// renew gets new credentials in place of old; called with the turn.
func (k *Keyring[T]) renew(ctx context.Context, old *Held[T]) (*Held[T], error) {
	if v := k.current.Load(); v != nil && v != old {
		return v, nil // another caller was faster
	}
	if k.failure != nil && time.Since(k.failedAt) < patience {
		return nil, k.failure
	}
	v, expires, err := k.source(ctx)
	switch {
	case err == nil:
		k.failure = nil
		h := hold(v, expires)
		k.current.Store(h)
		return h, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	k.failure, k.failedAt = err, time.Now()
	return nil, err
}

// Replace looks for other credentials than v, which the service takes for
// expired; false where there are none.
func (k *Keyring[T]) Replace(ctx context.Context, v *Held[T]) bool {
	k.current.CompareAndSwap(v, nil)
	fresh, err := k.Get(ctx)
	return err == nil && fresh.Value != v.Value
}
