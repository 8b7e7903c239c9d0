// Package pool makes one Backend of several endpoints that serve the same data.
//
// Work goes to the endpoints in turn or to the least busy one. An endpoint that
// fails is put aside for a while, and the work goes to another at once. An
// upload stays with the endpoint that began it.
package pool

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Pool is a Backend over at least one member.
type Pool struct {
	members   []*member
	leastBusy bool
	turn      atomic.Uint64
	calls     atomic.Int64
}

// New makes a pool of the stores at the given endpoints.
func New(strategy string, endpoints []string, stores []backend.Backend) *Pool {
	p := &Pool{leastBusy: strategy == "least_busy"}
	for i, s := range stores {
		p.members = append(p.members, &member{Backend: s, endpoint: endpoints[i]})
	}
	return p
}

// Answered says whether any endpoint has ever replied.
func (p *Pool) Answered() bool {
	return slices.ContainsFunc(p.members, func(m *member) bool { return m.answered.Load() })
}

// pick chooses the member for the next try: one in use before one put aside,
// among those put aside the one whose rest ends first. nil: all were tried.
func (p *Pool) pick(tried []*member) *member {
	if len(p.members) == 1 && len(tried) == 0 {
		return p.members[0]
	}
	var best, spare *member
	now := time.Now().UnixNano()
	start := p.turn.Add(1)
	for i := range p.members {
		m := p.members[(start+uint64(i))%uint64(len(p.members))]
		switch {
		case slices.Contains(tried, m):
		case m.resting() && m.probe(now):
			return m
		case m.resting():
			if spare == nil || m.aside.Load() < spare.aside.Load() {
				spare = m
			}
		case best == nil || p.leastBusy && m.inFlight.Load() < best.inFlight.Load():
			best = m
		}
	}
	if best == nil {
		return spare
	}
	return best
}

// try runs f at one endpoint after the other until one gives an answer that
// no other could better. begin has been called on the member that f gets.
func try[T any](ctx context.Context, p *Pool, f func(*member) (T, error)) (T, error) {
	p.calls.Add(1)
	var few [8]*member
	var answer *errs.Error // the failure to report
	tried := few[:0]
	for {
		m := p.pick(tried)
		if m == nil {
			var none T
			return none, answer
		}
		tried = append(tried, m)
		m.begin()
		out, err := f(m)
		if err == nil {
			return out, nil
		}
		e := *errs.From(err, "", "")
		// What an endpoint says of the object outweighs that another one is down.
		if answer == nil || answer.Retryable() {
			answer = &e
		}
		answer.Attempts = len(tried)
		if ctx.Err() != nil || !e.Retryable() && e.Code != errs.Changed {
			return out, answer
		}
	}
}

// at is try for what is finished when f returns.
func at[T any](ctx context.Context, p *Pool, f func(*member) (T, error)) (T, error) {
	return try(ctx, p, func(m *member) (T, error) {
		out, err := f(m)
		m.end(err)
		return out, err
	})
}

// once runs f at a single endpoint: for work whose repetition changes the
// outcome, so that the caller must know of every failure.
func (p *Pool) once(f func(*member) error) error {
	p.calls.Add(1)
	m := p.pick(nil)
	m.begin()
	err := f(m)
	m.end(err)
	return err
}

type nothing = struct{}

// Stat asks one endpoint.
func (p *Pool) Stat(ctx context.Context, u uri.URI) (backend.Info, error) {
	return at(ctx, p, func(m *member) (backend.Info, error) { return m.Stat(ctx, u) })
}

// Open reads from one endpoint. One that has another version than the pinned
// one is passed over: Changed means that no endpoint has it.
func (p *Pool) Open(ctx context.Context, u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	return try(ctx, p, func(m *member) (backend.Reader, error) {
		inner, err := m.Open(ctx, u, r, etag)
		if err != nil {
			m.end(err)
			return nil, err
		}
		m.observe(nil)
		return &reader{Reader: inner, member: m}, nil
	})
}

// Put stores at one endpoint.
func (p *Pool) Put(ctx context.Context, u uri.URI, data []byte, a *backend.Attributes) (backend.Info, error) {
	return at(ctx, p, func(m *member) (backend.Info, error) {
		info, err := m.Put(ctx, u, data, a)
		if err == nil {
			m.written.Add(int64(len(data)))
		}
		return info, err
	})
}

// Create starts an upload that stays with its endpoint.
func (p *Pool) Create(ctx context.Context, u uri.URI, a *backend.Attributes) (backend.Upload, error) {
	return at(ctx, p, func(m *member) (backend.Upload, error) {
		inner, err := m.Create(ctx, u, a)
		if err != nil {
			return nil, err
		}
		return &upload{Upload: inner, member: m, pool: p}, nil
	})
}

// Delete removes at one endpoint.
func (p *Pool) Delete(ctx context.Context, u uri.URI) error {
	_, err := at(ctx, p, func(m *member) (nothing, error) { return nothing{}, m.Delete(ctx, u) })
	return err
}

// Mkdir asks one endpoint.
func (p *Pool) Mkdir(ctx context.Context, u uri.URI) error {
	_, err := at(ctx, p, func(m *member) (nothing, error) { return nothing{}, m.Mkdir(ctx, u) })
	return err
}

// List asks a single endpoint: pages already delivered cannot be taken back.
func (p *Pool) List(ctx context.Context, u uri.URI, recursive bool, page func([]backend.Entry) error) error {
	return p.ListAfter(ctx, u, recursive, "", page)
}

// Continued is a store whose listings can begin behind a key.
type Continued interface {
	ListAfter(ctx context.Context, u uri.URI, recursive bool, after string, page func([]backend.Entry) error) error
}

// ListAfter is List for the keys behind after; a store that is not Continued
// begins at the start.
func (p *Pool) ListAfter(ctx context.Context, u uri.URI, recursive bool, after string, page func([]backend.Entry) error) error {
	return p.list(page, func(m *member, page func([]backend.Entry) error) error {
		if from, ok := m.Backend.(Continued); ok && after != "" {
			return from.ListAfter(ctx, u, recursive, after, page)
		}
		return m.List(ctx, u, recursive, page)
	})
}

// ListContainers asks a single endpoint.
func (p *Pool) ListContainers(ctx context.Context, page func([]backend.Entry) error) error {
	return p.list(page, func(m *member, page func([]backend.Entry) error) error { return m.ListContainers(ctx, page) })
}

// list keeps apart the failures of the endpoint and those of the consumer.
func (p *Pool) list(page func([]backend.Entry) error, f func(*member, func([]backend.Entry) error) error) error {
	var refused error
	err := p.once(func(m *member) error {
		err := f(m, func(entries []backend.Entry) error {
			refused = page(entries)
			return refused
		})
		if refused != nil {
			return nil
		}
		return err
	})
	if refused != nil {
		return refused
	}
	return err
}

// CreateContainer creates at a single endpoint.
func (p *Pool) CreateContainer(ctx context.Context, u uri.URI) error {
	return p.once(func(m *member) error { return m.CreateContainer(ctx, u) })
}

// DeleteContainer deletes at a single endpoint.
func (p *Pool) DeleteContainer(ctx context.Context, u uri.URI) error {
	return p.once(func(m *member) error { return m.DeleteContainer(ctx, u) })
}

// Close closes every member and returns the first failure.
func (p *Pool) Close() error {
	var first error
	for _, m := range p.members {
		if err := m.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
