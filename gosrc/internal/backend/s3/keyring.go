package s3

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// keys are credentials; Expiration is zero for those that do not expire.
type keys = credentials.Value

// source gets credentials, or errNone where it is not configured.
type source func(context.Context) (keys, error)

var errNone = errors.New("not configured")

// held are the credentials in use.
type held struct {
	keys
	renewAt time.Time // zero: never
}

// hold decides when to renew: two minutes before the end, or when 80 % of a
// short life have passed.
func hold(v keys) *held {
	h := &held{keys: v}
	if !v.Expiration.IsZero() {
		h.renewAt = v.Expiration.Add(-min(2*time.Minute, max(0, time.Until(v.Expiration))/5))
	}
	return h
}

// keyring keeps the current credentials and renews them before they expire.
type keyring struct {
	source  source
	current atomic.Pointer[held]

	turn     chan struct{} // held by the one that renews
	failure  error         // of the last renewal; guarded by turn
	failedAt time.Time
}

// patience is how long a failure to get credentials is taken for granted: the
// many requests of a stream must not each wait for a metadata service.
const patience = 5 * time.Second

func newKeyring(s source) *keyring {
	return &keyring{source: s, turn: make(chan struct{}, 1)}
}

// get returns credentials that are valid now. While one caller renews them
// ahead of their end, the others go on with the old ones.
func (k *keyring) get(ctx context.Context) (*held, error) {
	now := time.Now()
	v := k.current.Load()
	if v != nil && (v.renewAt.IsZero() || now.Before(v.renewAt)) {
		return v, nil
	}
	valid := v != nil && now.Before(v.Expiration)
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
func (k *keyring) renew(ctx context.Context, old *held) (*held, error) {
	if v := k.current.Load(); v != nil && v != old {
		return v, nil // another caller was faster
	}
	if k.failure != nil && time.Since(k.failedAt) < patience {
		return nil, k.failure
	}
	v, err := k.source(ctx)
	switch {
	case err == nil:
		k.failure = nil
		h := hold(v)
		k.current.Store(h)
		return h, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	k.failure, k.failedAt = err, time.Now()
	return nil, err
}

// replace looks for other credentials than v, which the service takes for
// expired; false where there are none.
func (k *keyring) replace(ctx context.Context, v *held) bool {
	k.current.CompareAndSwap(v, nil)
	fresh, err := k.get(ctx)
	return err == nil && fresh.keys != v.keys
}
