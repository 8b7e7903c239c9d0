package oplog

import (
	"math/bits"
	"sync"
)

// lanes number the operations under way: each has the lowest number that was
// free when it began. Goroutines have no numbers, and these say more: two
// operations of one lane never overlap, and there are as many lanes as there
// were operations at once.
type lanes struct {
	mu    sync.Mutex
	taken []uint64 // a bit a lane
	count int
}

func (l *lanes) enter() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	for i, word := range l.taken {
		if free := bits.TrailingZeros64(^word); free < 64 {
			l.taken[i] |= 1 << free
			return i*64 + free
		}
	}
	l.taken = append(l.taken, 1)
	return (len(l.taken) - 1) * 64
}

func (l *lanes) leave(lane int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count--
	l.taken[lane/64] &^= 1 << (lane % 64)
}

func (l *lanes) inside() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}
