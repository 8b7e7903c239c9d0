package fetch

import (
	"slices"
	"time"

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
		err = named(failure, j.op, j.uri)
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
		if j := s.pick(); j != nil {
			n := s.begin(j)
			if s.idle > 0 && s.hasStep() {
				s.wakeIdle(1) // who wakes the next, until all that may run does
			}
			return j, n
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

// begin counts the next step of a job as under way.
func (s *Stream) begin(j *job) (n int) {
	n = j.next
	j.next++
	j.inflight++
	s.running++
	s.admit(j)
	if j.next == j.planned {
		s.noMoreSteps(j)
	}
	return n
}

// noMoreSteps: those of j that have not begun will not.
func (s *Stream) noMoreSteps(j *job) {
	j.planned = j.next
	if i := slices.Index(s.split, j); i >= 0 {
		s.split = slices.Delete(s.split, i, i+1)
	}
}

// abandon finds a job that began and, the stream being cancelled, will run no
// further step: it must still give back what it holds.
func (s *Stream) abandon() *job {
	i := slices.IndexFunc(s.split, func(j *job) bool { return j.inflight == 0 })
	if i < 0 {
		return nil
	}
	j := s.split[i]
	s.noMoreSteps(j)
	s.running++ // until it is concluded
	j.err = errs.From(s.ctx.Err(), j.op, j.uri)
	return j
}

// pick finds a job to run a step of: one that has begun, oldest first, or the
// next request's, if the limits allow it.
func (s *Stream) pick() *job {
	if i := slices.IndexFunc(s.split, s.mayGoOn); i >= 0 {
		return s.split[i]
	}
	if !s.mayStart() {
		return nil
	}
	j := s.upcoming
	s.upcoming = nil
	s.objects++
	j.since = time.Now()
	s.pending += int64(j.width)
	s.queue = append(s.queue, j)
	return j
}

// hasStep: pick would find something.
func (s *Stream) hasStep() bool {
	return slices.ContainsFunc(s.split, s.mayGoOn) || s.mayStart()
}

// mayGoOn: a further step of j may run.
func (s *Stream) mayGoOn(j *job) bool {
	return j.inflight < s.opts.MaxInflightParts && s.fits(j)
}

// mayStart: the next request may.
func (s *Stream) mayStart() bool {
	j := s.next()
	return j != nil && s.objects < s.opts.MaxObjects && !s.windowFull(j) && s.fits(j)
}

// next is the job of the next request; nil if there is none now.
func (s *Stream) next() *job {
	if s.upcoming == nil && s.feed != nil {
		s.upcoming = s.feed.next(s)
	}
	return s.upcoming
}

// admit counts the memory that a step of a job needs against the budget.
func (s *Stream) admit(j *job) {
	s.inUse += max(0, j.need-j.admitted) + j.carry
	j.admitted = max(j.need, j.admitted)
}

// fits: the budget has room for a step of j. The oldest job that has not been
// taken may exceed it: everything after it waits for it. Of steps that carry
// memory it may do so with one.
func (s *Stream) fits(j *job) bool {
	more := max(0, j.need-j.admitted) + j.carry
	oldest := len(s.queue) == 0 || s.queue[0] == j
	return more == 0 || oldest && (j.carry == 0 || j.inflight == 0) || s.inUse+more <= s.opts.MemoryBudget
}

// stepDone records the end of a step; true when it was the last of its job.
func (s *Stream) stepDone(j *job, err error) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.inflight--
	s.inUse -= j.carry
	if err != nil && j.err == nil {
		j.err = named(err, j.op, j.uri)
		s.noMoreSteps(j)
	}
	if j.inflight == 0 && j.next == j.planned {
		if j.carry > 0 {
			s.wakeIdle(1) // concluding it may take a while
		}
		return true // and still running: it is to be concluded
	}
	s.running--
	return false
}

// restart runs a job again from step 0, before any new one.
func (s *Stream) restart(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	j.next, j.planned, j.err = 0, 1, nil
	s.split = append(s.split, j)
	s.wakeWorkers(1)
}

// drainedSource: no request is left to start.
func (s *Stream) drainedSource() bool {
	return s.next() == nil && !s.producer
}

// windowFull: prefetch forbids to start another job until items are taken.
func (s *Stream) windowFull(j *job) bool {
	return s.opts.Prefetch > 0 && s.pending > 0 && s.pending+int64(j.width) > s.opts.Prefetch
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
