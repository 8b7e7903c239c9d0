package fetch

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
)

// Stream runs requests and hands out their items.
type Stream struct {
	client  *Client
	op      Op
	opts    Options
	source  Source
	feed    feed
	ctx     context.Context
	cancel  context.CancelFunc
	event   *event // nil where nobody asked for one
	moved   atomic.Int64
	closing sync.Once

	mu      sync.Mutex
	work    *sync.Cond    // workers wait here for steps
	arrived chan struct{} // wakes Next; one token
	gone    chan struct{} // closed when the last worker has left

	blocks   blocks
	upcoming *job   // made from the source, not yet admitted
	split    []*job // jobs with more than one step, in the order of their start
	queue    []*job // started and not yet taken, in the order of their start
	frontier int    // ordered: how many jobs at the head of queue are done
	finished []*job // unordered: done jobs
	pages    []Item // items that no job made: pages of listings

	workers       int
	idle          int         // workers waiting
	running       int         // steps under way, and jobs being concluded
	objects       int         // jobs started and not yet done
	pending       int64       // requests started and not yet taken
	inUse         int64       // bytes admitted
	ready         int64       // items that Next could take
	wanted        int64       // items that the consumer waits for
	enough        int64       // items that wake it at once
	lingering     bool        // it will be woken in a moment
	producer      bool        // a listing is under way
	producerWaits bool        // ... and waits for items to be taken
	room          *sync.Cond  // the listing waits here
	err           *errs.Error // the end of a listing that failed
}

// Open starts a stream; it returns at once.
func (c *Client) Open(op Op, source Source, opts Options, withEvent bool) (*Stream, error) {
	if err := opts.validate(op); err != nil {
		return nil, err
	}
	if !c.acquire() {
		return nil, errClosedClient
	}
	s := &Stream{
		client: c, op: op, opts: opts, source: source, blocks: blocks{size: opts.Group},
		arrived: make(chan struct{}, 1), gone: make(chan struct{}), wanted: 1,
	}
	s.work, s.room = sync.NewCond(&s.mu), sync.NewCond(&s.mu)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if withEvent {
		var err error
		if s.event, err = newEvent(); err != nil {
			s.cancel()
			_ = c.Close() // the stream's use only: its stores stay open
			return nil, errs.Wrap(err, errs.IO, op.String(), "", "cannot make an eventfd")
		}
	}
	context.AfterFunc(s.ctx, s.wakeAll)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch op {
	case List, ListContainers, GetListed:
		s.startListing()
	default:
		s.feed = &requestFeed{source: source}
	}
	if !s.producer {
		s.wakeWorkers(int(min(source.Len(), int64(opts.MaxConcurrent))))
		s.leaveIfLast()
	}
	return s, nil
}

// Next takes up to capacity items. It waits for wanted of them, but not longer
// than timeout, and not while the stream can only go on when some are taken.
// finished says that no more will come.
func (s *Stream) Next(capacity, wanted int64, timeout time.Duration) (items []Item, finished bool, err error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for wait := timeout > 0; ; {
		if items, finished, err = s.take(capacity, wanted, wait); items != nil || finished {
			return items, finished, err
		}
		select {
		case <-s.arrived:
		case <-timer.C:
			wait = false
		}
	}
}

// take is one attempt of Next: items are nil where the caller is willing to
// wait, and there is something to wait for.
func (s *Stream) take(capacity, wanted int64, wait bool) (items []Item, finished bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = max(1, min(wanted, capacity))
	s.enough = max(s.wanted, min(capacity, goodBatch))
	if wait && !s.deliverable() {
		return nil, false, nil
	}
	items = s.takeItems(max(0, capacity))
	finished = s.ended() && s.ready == 0
	if finished && s.err != nil {
		if len(items) == 0 {
			err = s.err
		} else {
			finished = false // the error comes next, alone
		}
	}
	s.event.set(s.deliverable())
	return items, finished, err
}

// EventFD is readable while Next would return at once; -1 without one.
func (s *Stream) EventFD() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.event.descriptor()
}

// Moved is how many bytes a Copy has written so far, those of unfinished objects included.
func (s *Stream) Moved() int64 { return s.moved.Load() }

// Cancel stops the work. Items not taken are dropped.
func (s *Stream) Cancel() { s.cancel() }

// Drained waits until nothing of the caller's memory is in use any more.
func (s *Stream) Drained(timeout time.Duration) bool {
	select {
	case <-s.gone:
		return true
	default:
		if timeout <= 0 {
			return false
		}
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-s.gone:
		return true
	case <-timer.C:
		return false
	}
}

// Close cancels and gives everything back once the last step has ended; then
// it calls after. Only the first call counts.
func (s *Stream) Close(after func()) {
	s.closing.Do(func() {
		s.cancel()
		guard.Go("close", "", func() {
			<-s.gone
			s.release()
			after()
		}, func(error) {})
	})
}

func (s *Stream) release() {
	s.mu.Lock()
	s.dropItems()
	s.dropBlocks()
	s.event.close()
	s.mu.Unlock()
	if err := s.client.Close(); err != nil {
		slog.Warn("closing a client", "error", err)
	}
}
