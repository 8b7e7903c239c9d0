package fetch

import (
	"slices"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
)

// abandoned is the step number of a job that a cancelled stream only concludes.
const abandoned = -1

// worker runs steps until there is nothing left to do.
func (s *Stream) worker() {
	for {
		j, n := s.nextStep()
		switch {
		case j == nil:
			return
		case n == abandoned:
			s.conclude(j)
			continue
		}
		err := guard.Run(j.op, j.uri, func() error {
			if n == 0 {
				return j.steps.start(s.ctx, j)
			}
			return j.steps.step(s.ctx, j, n)
		})
		if last := s.stepDone(j, err); last {
			s.conclude(j)
		}
	}
}

// conclude ends a job of which no step is under way: it publishes the items,
// the error, or runs it again.
func (s *Stream) conclude(j *job) {
	var items []Item
	err := j.err
	if err == nil {
		failure := guard.Run(j.op, j.uri, func() (e error) { items, e = j.steps.finish(s.ctx, j); return })
		err = errs.From(failure, j.op, j.uri)
	}
	if err != nil {
		again := false
		if failure := guard.Run(j.op, j.uri, func() error { again = j.steps.fail(j, err); return nil }); failure != nil {
			err = errs.From(failure, j.op, j.uri)
		}
		if again && s.ctx.Err() == nil {
			s.restart(j)
			return
		}
		items = make([]Item, j.width)
		for i := range items {
			items[i] = Item{Index: j.index + int64(i), Err: err, Size: -1}
		}
	}
	s.publish(j, items)
}

// nextStep waits for a step to run; nil when there will be none.
func (s *Stream) nextStep() (*job, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ctx.Err() == nil {
		if j := s.pickSplit(); j != nil {
			return s.begin(j)
		}
		if j := s.pickNew(); j != nil {
			return s.begin(j)
		}
		if s.drainedSource() && s.objects == 0 {
			break
		}
		s.tellConsumer() // nothing under way and nothing to start: the consumer must take some
		s.idle++
		s.work.Wait() // whoever wakes us has counted us as no longer idle
	}
	if j := s.abandon(); j != nil {
		return j, abandoned
	}
	s.workers--
	s.wakeIdle(s.idle) // the others see the end too
	s.leaveIfLast()
	return nil, 0
}

func (s *Stream) begin(j *job) (*job, int) {
	n := j.next
	j.next++
	j.inflight++
	s.running++
	if j.next == j.planned {
		if i := slices.Index(s.split, j); i >= 0 {
			s.split = slices.Delete(s.split, i, i+1)
		}
	}
	return j, n
}

// abandon finds a job that began and, the stream being cancelled, will run no
// further step: it must still give back what it holds.
func (s *Stream) abandon() *job {
	for i, j := range s.split {
		if j.inflight == 0 {
			s.split = slices.Delete(s.split, i, i+1)
			j.planned = j.next
			j.err = errs.From(s.ctx.Err(), j.op, j.uri)
			return j
		}
	}
	return nil
}

// pickSplit finds a further step of a job that has begun, oldest first.
func (s *Stream) pickSplit() *job {
	for _, j := range s.split {
		if j.inflight < s.opts.MaxInflightParts && s.admit(j) {
			return j
		}
	}
	return nil
}

// pickNew starts the next request, if the limits allow it.
func (s *Stream) pickNew() *job {
	if s.upcoming == nil && s.feed != nil {
		s.upcoming = s.feed.next(s)
	}
	j := s.upcoming
	if j == nil || s.objects >= s.opts.MaxObjects || s.windowFull(j) || !s.admit(j) {
		return nil
	}
	s.upcoming = nil
	s.objects++
	s.pending += int64(j.width)
	s.queue = append(s.queue, j)
	return j
}

// admit counts the memory of a job against the budget. The oldest job that has
// not been taken may exceed it: everything after it waits for it.
func (s *Stream) admit(j *job) bool {
	if !s.fits(j) {
		return false
	}
	s.inUse += max(0, j.need-j.admitted)
	j.admitted = max(j.need, j.admitted)
	return true
}

func (s *Stream) fits(j *job) bool {
	more := j.need - j.admitted
	oldest := len(s.queue) == 0 || s.queue[0] == j
	return more <= 0 || oldest || s.inUse+more <= s.opts.MemoryBudget
}

// stepDone records the end of a step; true when it was the last of its job.
func (s *Stream) stepDone(j *job, err error) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	j.inflight--
	if err != nil && j.err == nil {
		j.err = errs.From(err, j.op, j.uri)
		j.planned = j.next // start no further step
		if i := slices.Index(s.split, j); i >= 0 {
			s.split = slices.Delete(s.split, i, i+1)
		}
	}
	return j.inflight == 0 && j.next == j.planned
}

// restart runs a job again from step 0, before any new one.
func (s *Stream) restart(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.next, j.planned, j.err = 0, 1, nil
	s.split = append(s.split, j)
	s.wakeWorkers(1)
}

// publish makes the items of a job ready to be taken.
func (s *Stream) publish(j *job, items []Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects--
	j.items, j.done = items, true
	if s.opts.Ordered {
		for s.frontier < len(s.queue) && s.queue[s.frontier].done {
			s.ready += int64(len(s.queue[s.frontier].items))
			s.frontier++
		}
	} else {
		s.finished = append(s.finished, j)
		s.ready += int64(len(items))
	}
	s.tellConsumer()
}

// takeItems hands over up to capacity items and frees their room.
func (s *Stream) takeItems(capacity int64) []Item {
	n := min(capacity, s.ready)
	out := make([]Item, 0, n)
	for int64(len(out)) < n && len(s.pages) > 0 {
		out = append(out, s.pages[0])
		s.pages = s.pages[1:]
	}
	for int64(len(out)) < n {
		j := s.head()
		k := min(int(n)-len(out), len(j.items))
		out = append(out, j.items[:k]...)
		j.items = j.items[k:]
		if len(j.items) == 0 {
			s.retire(j)
		}
	}
	s.ready -= int64(len(out))
	if len(out) > 0 {
		s.room.Broadcast()
		s.wakeWorkers(len(out))
	}
	return out
}

func (s *Stream) head() *job {
	if s.opts.Ordered {
		return s.queue[0]
	}
	return s.finished[0]
}

// retire forgets a job whose items have all been taken: they are the consumer's now.
func (s *Stream) retire(j *job) {
	if s.opts.Ordered {
		s.queue = s.queue[1:]
		s.frontier--
	} else {
		s.finished = s.finished[1:]
		if i := slices.Index(s.queue, j); i == 0 {
			s.queue = s.queue[1:]
		} else {
			s.queue = slices.Delete(s.queue, i, i+1)
		}
	}
	s.pending -= int64(j.width)
	s.inUse -= j.admitted
}

// drainedSource: no request is left to start.
func (s *Stream) drainedSource() bool {
	if s.upcoming == nil && s.feed != nil {
		s.upcoming = s.feed.next(s)
	}
	return s.upcoming == nil && !s.producer
}

// ended: nothing is under way and nothing will be.
func (s *Stream) ended() bool {
	return s.ctx.Err() != nil || s.drainedSource() && s.objects == 0 && !s.producer
}

// deliverable: a consumer that waits has what it wants, or all it can get.
func (s *Stream) deliverable() bool {
	if s.ready >= s.wanted || s.ended() {
		return true
	}
	return s.ready > 0 && s.running == 0 && s.stuck()
}

// stuck: with nothing under way, no step may be started until items are taken.
func (s *Stream) stuck() bool {
	if len(s.split) > 0 {
		return !slices.ContainsFunc(s.split, s.fits)
	}
	if j := s.upcoming; j != nil {
		return s.windowFull(j) || !s.fits(j)
	}
	return s.producer && s.producerWaits
}

// windowFull: prefetch forbids to start another job until items are taken.
func (s *Stream) windowFull(j *job) bool {
	return s.opts.Prefetch > 0 && s.pending > 0 && s.pending+int64(j.width) > s.opts.Prefetch
}

// tellConsumer wakes Next and the event descriptor, if there is something for them.
func (s *Stream) tellConsumer() {
	if !s.deliverable() {
		return
	}
	select {
	case s.arrived <- struct{}{}:
	default: // a token is there already
	}
	s.event.set(true)
}

// wakeWorkers lets n more steps be looked for: by idle workers first, by new
// ones up to max_concurrent.
func (s *Stream) wakeWorkers(n int) {
	if s.ctx.Err() != nil || s.drainedSource() && s.objects == 0 {
		return
	}
	n -= s.wakeIdle(n)
	for ; n > 0 && s.workers < s.opts.MaxConcurrent; n-- {
		s.workers++
		guard.Go(s.op.String(), "", s.worker, s.workerLost)
	}
}

// wakeIdle wakes up to n waiting workers and returns how many.
func (s *Stream) wakeIdle(n int) int {
	n = min(n, s.idle)
	s.idle -= n
	for range n {
		s.work.Signal()
	}
	return n
}

// workerLost can only follow a bug in this file; the stream ends with the error.
func (s *Stream) workerLost(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errs.From(err, s.op.String(), "")
	s.cancel() // not before: Next would see an end without an error
	s.workers--
	s.leaveIfLast()
}

// wakeAll follows a cancellation.
func (s *Stream) wakeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wakeIdle(s.idle)
	s.room.Broadcast()
	s.leaveIfLast()
	s.tellConsumer()
}

// leaveIfLast announces that no goroutine of the stream is left.
func (s *Stream) leaveIfLast() {
	if s.workers > 0 || s.producer || s.ctx.Err() == nil && !(s.drainedSource() && s.objects == 0) {
		return
	}
	select {
	case <-s.gone:
	default:
		close(s.gone)
	}
	s.tellConsumer()
}

// dropItems releases what nobody took.
func (s *Stream) dropItems() {
	release := func(items []Item) {
		for _, item := range items {
			if item.Buffer != nil {
				item.Buffer.Release()
			}
		}
	}
	release(s.pages)
	for _, j := range s.queue {
		release(j.items)
	}
	s.pages, s.queue, s.finished, s.ready, s.frontier = nil, nil, nil, 0, 0
}
