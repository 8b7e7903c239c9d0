package pool

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// How long an endpoint is put aside after its first failure in a row; every
// further one doubles it.
const (
	firstRest   = 250 * time.Millisecond
	longestRest = 30 * time.Second
)

// member is one endpoint with what is known about it.
type member struct {
	backend.Backend
	endpoint string

	attempts, failures, read, written, inFlight atomic.Int64

	answered atomic.Bool  // it has ever replied, if only with an error
	strikes  atomic.Int32 // failures since the last success
	aside    atomic.Int64 // until when (Unix ns) others are preferred; 0: it is in use
}

// begin and end frame a piece of work at the endpoint.
func (m *member) begin() {
	m.attempts.Add(1)
	m.inFlight.Add(1)
}

func (m *member) end(err error) {
	m.inFlight.Add(-1)
	m.observe(err)
}

// observe draws conclusions from the outcome of an exchange. An error that is
// neither its answer nor its fault, such as a cancellation, says nothing.
func (m *member) observe(err error) {
	e := errs.From(err, "", "")
	replied := err == nil || e.Status != 0 || e.Retry.Answered
	if replied {
		m.answered.Store(true)
	}
	switch {
	case err != nil && e.Retryable(): // the fault of the endpoint or of the way to it
		m.failures.Add(1)
		pause := max(rest(m.strikes.Add(1)), time.Duration(e.Retry.AfterSeconds*float64(time.Second)))
		m.aside.Store(time.Now().Add(pause).UnixNano())
		slog.Debug("endpoint put aside", "endpoint", m.endpoint, "for", pause, "error", err)
	case replied:
		m.strikes.Store(0)
		m.aside.Store(0)
	}
}

func rest(strikes int32) time.Duration {
	return min(firstRest<<min(strikes-1, 16), longestRest)
}

// resting says whether others are to be preferred.
func (m *member) resting() bool { return m.aside.Load() != 0 }

// probe says, to one caller at a time, that the endpoint has rested and is to be tried again.
func (m *member) probe(now int64) bool {
	until := m.aside.Load()
	return now >= until && m.aside.CompareAndSwap(until, now+int64(rest(m.strikes.Load()+1)))
}
