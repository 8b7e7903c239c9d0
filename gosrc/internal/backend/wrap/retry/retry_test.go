package retry

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

var (
	place  = uri.URI{Scheme: "test", Container: "c", Key: "k"}
	policy = Policy{Known: 90 * time.Second, Unknown: 5 * time.Second}
)

// failing is a store whose operations give one outcome after the other, the
// last one for ever.
type failing struct {
	backend.Backend // nil: methods that a test does not expect panic
	outcomes        []error
	calls           int
	times           []time.Time
}

func (f *failing) next() error {
	f.calls++
	f.times = append(f.times, time.Now())
	return f.outcomes[min(f.calls, len(f.outcomes))-1]
}

func (f *failing) Stat(context.Context, uri.URI) (backend.Info, error) {
	return backend.Info{Size: 7}, f.next()
}
func (f *failing) CreateContainer(context.Context, uri.URI) error { return f.next() }
func (f *failing) DeleteContainer(context.Context, uri.URI) error { return f.next() }

func failure(code errs.Code) *errs.Error { return errs.New(code, "stat", place.String(), "on purpose") }

func known() bool   { return true }
func unknown() bool { return false }

func TestSucceedsInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{outcomes: []error{failure(errs.Connection), failure(errs.Throttled), failure(errs.Server), failure(errs.Timeout), nil}}
		b := New(f, policy, known)
		if info, err := b.Stat(t.Context(), place); err != nil || info.Size != 7 || f.calls != 5 || b.Repeats() != 4 {
			t.Errorf("%+v, %v after %d calls, %d repeats", info, err, f.calls, b.Repeats())
		}
	})
}

func TestBudgets(t *testing.T) {
	for _, c := range []struct {
		name     string
		policy   Policy
		answered func() bool
		min, max time.Duration
	}{
		{"known", policy, known, 75 * time.Second, 90 * time.Second},
		{"unknown", policy, unknown, time.Second, 5 * time.Second},
		{"none", Policy{}, known, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &failing{outcomes: []error{failure(errs.Connection)}}
			start := time.Now()
			_, err := New(f, c.policy, c.answered).Stat(t.Context(), place)
			var e *errs.Error
			if !errors.As(err, &e) || e.Code != errs.Connection || e.Attempts != f.calls {
				t.Errorf("%s: %v after %d calls", c.name, err, f.calls)
			}
			if took := time.Since(start); took < c.min || took > c.max {
				t.Errorf("%s: gave up after %s, want %s to %s", c.name, took, c.min, c.max)
			}
		})
	}
}

// Whoever gets further each time may take longer than the budget.
func TestFurther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		further := failure(errs.Throttled)
		further.Retry.Further, further.Retry.AfterSeconds = true, 80
		f := &failing{outcomes: []error{further, further, further, nil}}
		if _, err := New(f, policy, known).Stat(t.Context(), place); err != nil || f.calls != 4 {
			t.Errorf("%v after %d calls", err, f.calls)
		}
	})
}

func TestMaxAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{outcomes: []error{failure(errs.Connection)}}
		p := policy
		p.MaxAttempts = 3
		if _, err := New(f, p, known).Stat(t.Context(), place); errs.CodeOf(err) != errs.Connection || f.calls != 3 {
			t.Errorf("%v after %d calls", err, f.calls)
		}
	})
}

func TestFinalFailures(t *testing.T) {
	never := failure(errs.Connection)
	never.Retry.Never = true
	for _, e := range []*errs.Error{failure(errs.NotFound), failure(errs.Permission), failure(errs.Changed), failure(errs.Invalid), never} {
		f := &failing{outcomes: []error{e}}
		if _, err := New(f, policy, known).Stat(t.Context(), place); errs.CodeOf(err) != e.Code || f.calls != 1 {
			t.Errorf("%v after %d calls", err, f.calls)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := failure(errs.Throttled)
		slow.Retry.AfterSeconds = 20
		f := &failing{outcomes: []error{slow, nil}}
		if _, err := New(f, policy, known).Stat(t.Context(), place); err != nil {
			t.Fatal(err)
		}
		if wait := f.times[1].Sub(f.times[0]); wait < 20*time.Second || wait > 21*time.Second {
			t.Errorf("tried again after %s", wait)
		}
		slow.Retry.AfterSeconds = 200 // longer than there is time
		f = &failing{outcomes: []error{slow, nil}}
		start := time.Now()
		if _, err := New(f, policy, known).Stat(t.Context(), place); errs.CodeOf(err) != errs.Throttled || time.Since(start) > 0 {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestCancelEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := failure(errs.Throttled)
		slow.Retry.AfterSeconds = 60
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := New(&failing{outcomes: []error{slow}}, policy, known).Stat(ctx, place)
		if errs.CodeOf(err) != errs.Cancelled || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// What an attempt of unknown outcome may have done is not an error of the next one.
func TestContainersAfterDoubt(t *testing.T) {
	refused := errs.Wrap(syscall.ECONNREFUSED, errs.Connection, "", "", "cannot connect")
	for _, c := range []struct {
		first error
		want  bool
	}{{failure(errs.Timeout), true}, {failure(errs.Connection), true}, {refused, false}} {
		synctest.Test(t, func(t *testing.T) {
			create := New(&failing{outcomes: []error{c.first, failure(errs.AlreadyExists)}}, policy, known).CreateContainer(t.Context(), place)
			remove := New(&failing{outcomes: []error{c.first, failure(errs.NotFound)}}, policy, known).DeleteContainer(t.Context(), place)
			if (create == nil) != c.want || (remove == nil) != c.want {
				t.Errorf("after %v: %v, %v", c.first, create, remove)
			}
		})
	}
	if err := New(&failing{outcomes: []error{failure(errs.AlreadyExists)}}, policy, known).CreateContainer(t.Context(), place); errs.CodeOf(err) != errs.AlreadyExists {
		t.Errorf("a container that exists: %v", err)
	}
}
