package buffers

import (
	"slices"
	"sync"
)

// idle holds the spans of which no block is in use, the longest unused first,
// whatever their class: memory of a size that nobody asks for any more makes
// room for that of another.
type idle struct {
	mu    sync.Mutex // taken last: after that of a class
	spans []*span
}

func (l *idle) add(s *span) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spans = append(l.spans, s)
}

func (l *idle) remove(s *span) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.spans) - 1; i >= 0; i-- { // most often the last
		if l.spans[i] == s {
			l.spans = slices.Delete(l.spans, i, i+1)
			return
		}
	}
}

// oldest takes a span out; nil where there is none.
func (l *idle) oldest() *span {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.spans) == 0 {
		return nil
	}
	s := l.spans[0]
	l.spans = slices.Delete(l.spans, 0, 1)
	return s
}

// trim unmaps idle spans until no more is kept than the pool may.
func (p *Pool) trim() {
	for p.pooled.Load() > p.retain {
		s := p.idle.oldest()
		if s == nil {
			return
		}
		s.class.mu.Lock()
		if s.whole() && s.memory != nil { // it may have been used since, or unmapped
			s.class.unmap(s)
		}
		s.class.mu.Unlock()
	}
}
