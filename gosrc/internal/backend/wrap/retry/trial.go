package retry

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// The wait before the n-th repetition is random between 0 and firstWait * 2^n,
// at most longestWait: many clients that failed together come back apart.
const (
	firstWait   = 100 * time.Millisecond
	longestWait = 10 * time.Second
)

// trial is the course of one operation.
type trial struct {
	ctx      context.Context
	b        *Backend
	op       string
	u        uri.URI
	since    time.Time // beginning, or first failure after progress; zero: none yet
	rounds   int       // failures since then
	attempts int       // all tries, those of the pool included
}

func (b *Backend) trial(ctx context.Context, op string, u uri.URI) trial {
	return trial{ctx: ctx, b: b, op: op, u: u, since: time.Now()}
}

// progress forgets the failures so far.
func (t *trial) progress() {
	t.rounds, t.since = 0, time.Time{}
}

// again waits until it is time to try again and returns nil, or returns the
// error to give up with.
func (t *trial) again(err error) error {
	e := *errs.From(err, t.op, t.u.String())
	t.attempts += max(1, e.Attempts)
	if e.Retry.Further {
		t.progress()
	}
	t.rounds++
	if t.since.IsZero() {
		t.since = time.Now()
	}
	e.Attempts = t.attempts
	if t.ctx.Err() != nil {
		return t.cancelled()
	}
	if !e.Retryable() || t.b.policy.MaxAttempts > 0 && t.rounds >= t.b.policy.MaxAttempts {
		return &e
	}
	wait := backoff(t.rounds) + time.Duration(e.Retry.AfterSeconds*float64(time.Second))
	if time.Since(t.since)+wait > t.budget() {
		return &e
	}
	slog.Debug("trying again", "op", t.op, "uri", t.u.String(), "attempts", t.attempts, "wait", wait, "error", &e)
	select {
	case <-t.ctx.Done():
		return t.cancelled()
	case <-time.After(wait):
	}
	t.b.repeats.Add(1)
	return nil
}

func (t *trial) cancelled() error {
	e := *errs.From(t.ctx.Err(), t.op, t.u.String())
	e.Attempts = t.attempts
	return &e
}

func (t *trial) budget() time.Duration {
	if t.b.answered() {
		return t.b.policy.Known
	}
	return t.b.policy.Unknown
}

func backoff(round int) time.Duration {
	return rand.N(min(firstWait<<min(round-1, 16), longestWait) + 1)
}

// mayHaveHappened says whether the work may have been done although it failed.
func mayHaveHappened(err error) bool {
	return err != nil && errs.From(err, "", "").Retryable() && !errors.Is(err, syscall.ECONNREFUSED)
}
