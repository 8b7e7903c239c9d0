package fetch

import (
	"slices"
	"time"
)

// publish makes the items of a job ready to be taken.
func (s *Stream) publish(j *job, items []Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	s.objects--
	for took, i := time.Since(j.since), 0; i < len(items); i++ {
		items[i].Took = took
	}
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
		s.wakeIdle(1)
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

// ended: nothing is under way and nothing will be.
func (s *Stream) ended() bool {
	return s.ctx.Err() != nil || s.drainedSource() && s.objects == 0
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
	waits := len(s.split) > 0 || s.upcoming != nil || s.producerWaits
	return waits && !s.hasStep()
}

// linger is how long items wait for company before they wake a consumer, and
// goodBatch how many need not wait: waking a thread costs as much as moving
// some 50 KB, and a consumer woken for every item takes twice the CPU time.
const (
	linger    = time.Millisecond
	goodBatch = 16
)

// tellConsumer wakes Next and the event descriptor, if there is something for
// them: at once for a good batch or where nothing more is on its way.
func (s *Stream) tellConsumer() {
	switch {
	case !s.deliverable() || s.told():
	case s.ready >= s.enough || s.running == 0 || s.ended():
		s.wakeConsumer()
	case !s.lingering:
		s.lingering = true
		time.AfterFunc(linger, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.lingering = false
			if s.ready >= s.wanted { // an end does not linger, and asking for it could panic in the source
				s.wakeConsumer()
			}
		})
	}
}

// told: the consumer is awake already, or will be.
func (s *Stream) told() bool {
	return len(s.arrived) > 0 && (s.event == nil || s.event.raised)
}

func (s *Stream) wakeConsumer() {
	select {
	case s.arrived <- struct{}{}:
	default: // a token is there already
	}
	s.event.set(true)
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
