package forkgate

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	soon  = 10 * time.Millisecond
	later = time.Minute
)

func TestPauseOfAnEmptyGate(t *testing.T) {
	var g gate
	if !g.pause(0) {
		t.Fatal("nobody is inside, yet the pause failed")
	}
	g.resume()
	g.enter()
	g.leave()
}

func TestPauseWaitsForThoseInside(t *testing.T) {
	var g gate
	g.enter()
	g.enter()
	quiet := make(chan bool)
	go func() { quiet <- g.pause(later) }()
	for g.state.Load() < closed {
		time.Sleep(time.Millisecond)
	}
	g.leave()
	select {
	case <-quiet:
		t.Fatal("paused while one was inside")
	case <-time.After(soon):
	}
	g.leave()
	if !<-quiet {
		t.Fatal("the pause failed although all had left")
	}
}

func TestNobodyEntersUntilTheLastResume(t *testing.T) {
	var g gate
	for range 2 {
		if !g.pause(later) {
			t.Fatal("pause failed")
		}
	}
	entered := make(chan struct{})
	go func() { g.enter(); close(entered) }()
	g.resume()
	select {
	case <-entered:
		t.Fatal("entered while one pause was left")
	case <-time.After(soon):
	}
	g.resume()
	<-entered
	g.leave()
}

func TestFailedPauseStaysClosedUntilResume(t *testing.T) {
	var g gate
	g.enter()
	if g.pause(soon) {
		t.Fatal("paused while one was inside")
	}
	entered := make(chan struct{})
	go func() { g.enter(); close(entered) }()
	g.leave()
	select {
	case <-entered:
		t.Fatal("entered after a pause that was not resumed")
	case <-time.After(soon):
	}
	if !g.pause(later) {
		t.Error("everybody had left, yet the second pause failed")
	}
	g.resume()
	g.resume()
	<-entered
	g.leave()
}

func TestResumeWithoutPause(t *testing.T) {
	var g gate
	g.resume()
	if !g.pause(0) {
		t.Fatal("pause failed")
	}
	g.resume()
	g.resume()
	g.enter()
	if g.pause(0) {
		t.Fatal("paused while one was inside")
	}
}

// Many enter and leave while several pause: a true answer means that nobody is
// inside, and that nobody comes in before the resume.
func TestNobodyInsideWhilePaused(t *testing.T) {
	var (
		g      gate
		inside atomic.Int64
		stop   atomic.Bool
		users  sync.WaitGroup
		pauses sync.WaitGroup
	)
	for range 8 {
		users.Go(func() {
			for !stop.Load() {
				g.enter()
				inside.Add(1)
				inside.Add(-1)
				g.leave()
			}
		})
	}
	for range 3 {
		pauses.Go(func() {
			for range 300 {
				if !g.pause(later) {
					t.Error("the pause failed")
				}
				for range 20 {
					if n := inside.Load(); n != 0 {
						t.Errorf("%d inside while paused", n)
					}
				}
				g.resume()
			}
		})
	}
	pauses.Wait()
	stop.Store(true)
	users.Wait()
	if g.state.Load() != 0 {
		t.Errorf("the state is %d at rest", g.state.Load())
	}
}

func BenchmarkEnterLeave(b *testing.B) {
	for b.Loop() {
		Enter()
		Leave()
	}
}
