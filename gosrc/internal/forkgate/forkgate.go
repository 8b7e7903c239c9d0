// Package forkgate keeps O_DIRECT transfers and fork() apart.
//
// The device writes straight into the pages of an O_DIRECT read. If the process
// forks meanwhile, those pages become copy-on-write, and the data may land in
// the child's copy (open(2), NOTES). So every such transfer passes this gate,
// and whoever is about to fork closes it first.
package forkgate

import (
	"sync"
	"sync/atomic"
	"time"
)

// closed is added to gate.state while the gate is closed; below it the state
// is the number of transfers inside.
const closed = 1 << 62

type gate struct {
	state atomic.Int64

	mu       sync.Mutex
	pauses   int           // Pause calls not yet resumed
	empty    chan struct{} // of this closure: shut when nobody is inside
	reopened chan struct{} // of this closure: shut by the last Resume
}

var process gate

// Enter begins a transfer; it waits while the gate is closed. Whoever enters
// leaves soon: a fork waits for it.
func Enter() { process.enter() }

// Leave ends the transfer that Enter began.
func Leave() { process.leave() }

// Pause closes the gate and waits, up to timeout, until nobody is inside.
// Only when it answers true is it safe to fork.
//
// Whatever it answers, the gate stays closed until Resume: a caller that must
// fork anyway still meets as few transfers as possible. So each Pause is
// followed by one Resume. Several may overlap; the last Resume opens the gate.
func Pause(timeout time.Duration) bool { return process.pause(timeout) }

// Resume takes back one Pause. Without one it does nothing.
func Resume() { process.resume() }

func (g *gate) enter() {
	for g.state.Add(1) >= closed {
		g.leave()
		g.awaitOpen()
	}
}

func (g *gate) leave() {
	if g.state.Add(-1) == closed {
		g.mu.Lock()
		g.announceEmpty()
		g.mu.Unlock()
	}
}

func (g *gate) awaitOpen() {
	g.mu.Lock()
	paused, reopened := g.pauses > 0, g.reopened
	g.mu.Unlock()
	if paused {
		<-reopened
	}
}

func (g *gate) pause(timeout time.Duration) bool {
	g.mu.Lock()
	g.pauses++
	if g.pauses == 1 {
		g.empty, g.reopened = make(chan struct{}), make(chan struct{})
		g.state.Add(closed)
		g.announceEmpty()
	}
	empty := g.empty
	g.mu.Unlock()

	timer := time.NewTimer(max(timeout, 0))
	defer timer.Stop()
	select {
	case <-empty:
		return true
	case <-timer.C:
	}
	select { // both may have been ready
	case <-empty:
		return true
	default:
		return false
	}
}

// announceEmpty tells the pausers once nobody is inside. The state is read
// again under the lock: the gate may have been opened, or opened and closed
// again, since the caller saw it.
func (g *gate) announceEmpty() {
	if g.state.Load() != closed {
		return
	}
	select {
	case <-g.empty:
	default:
		close(g.empty)
	}
}

func (g *gate) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pauses == 0 {
		return
	}
	if g.pauses--; g.pauses == 0 {
		g.state.Add(-closed)
		close(g.reopened)
	}
}
