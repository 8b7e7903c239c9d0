package fetch

import (
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
)

// broken is a source that panics at its second request, as one over damaged
// columns does.
type broken struct{ requestList }

func (b broken) At(i int64) Request {
	if i == 1 {
		panic("damaged")
	}
	return b.requestList.At(i)
}

// closes fails the test unless the stream lets go of everything.
func closes(t *testing.T, s *Stream) {
	t.Helper()
	done := make(chan struct{})
	s.Close(func() { close(done) })
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("the stream cannot be closed")
	}
}

func TestAPanicInTheSourceEndsTheStream(t *testing.T) {
	f, c := newFake(t)
	f.put("k", []byte("k"))
	o := defaults()
	o.MaxConcurrent = 1
	s, err := c.Open(Get, broken{reads("k", "k", "k")}, o, false)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		var items []Item
		var finished bool
		err = guard.Run("next", "", func() (e error) { items, finished, e = s.Next(1, 1, time.Second); return })
		if finished && err == nil {
			t.Fatal("the failure was lost")
		}
		free(items)
	}
	if errs.CodeOf(err) != errs.Internal {
		t.Errorf("got %v", err)
	}
	closes(t, s)
}

func TestAPanicInNextLeavesTheStreamUsable(t *testing.T) {
	f, c := newFake(t)
	f.hold = make(chan struct{})
	f.put("k", []byte("k"))
	started := make(chan struct{})
	f.onOpen = func(string, backend.Range) { close(started) }
	o := defaults()
	o.MaxConcurrent = 1
	s, err := c.Open(Get, broken{reads("k", "k", "k")}, o, false)
	if err != nil {
		t.Fatal(err)
	}
	<-started
	err = guard.Run("next", "", func() error { _, _, e := s.Next(1, 1, time.Minute); return e })
	if errs.CodeOf(err) != errs.Internal {
		t.Errorf("got %v", err)
	}
	closes(t, s)
}

func TestNoRoomForItems(t *testing.T) {
	f, c := newFake(t)
	f.put("k", []byte("k"))
	s := open(t, c, Get, reads("k"), defaults())
	for _, capacity := range []int64{0, -1} {
		if items, finished, err := s.Next(capacity, 1, time.Minute); len(items) != 0 || finished || err != nil {
			t.Errorf("capacity %d: %d items, %v, %v", capacity, len(items), finished, err)
		}
	}
	free(drain(t, s, 1))
}
