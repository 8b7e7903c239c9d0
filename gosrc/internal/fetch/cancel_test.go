package fetch

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
)

// A stream may be closed at any moment: everything it has is given back.
func TestClosingAtAnyMoment(t *testing.T) {
	before := buffers.Default.Stats().InUse
	for round := range 60 {
		f, c := newFake(t)
		for i := range 20 {
			f.put(fmt.Sprintf("k%02d", i), random(1000, uint64(i)))
		}
		f.delay = func(string) time.Duration { return time.Duration(rand.IntN(100)) * time.Microsecond }
		f.onOpen = func(key string, r backend.Range) {
			if r.Offset == 900 && rand.IntN(2) == 0 {
				f.put(key, random(1000, 1)) // begins again
			}
		}
		o := defaults()
		o.Ordered, o.MaxConcurrent, o.MemoryBudget = round%2 == 0, 1+round%8, 12_000
		s, err := c.Open(GetListed, reads("k"), o, true)
		if err != nil {
			t.Fatal(err)
		}
		items, _, err := s.Next(4, 4, time.Duration(rand.IntN(3000))*time.Microsecond)
		if err != nil {
			t.Fatal(err)
		}
		free(items)
		closes(t, s)
		if now := buffers.Default.Stats().InUse; now != before {
			t.Fatalf("round %d: %d bytes leaked", round, now-before)
		}
	}
}

func TestUploadsClosedAtAnyMomentAreEnded(t *testing.T) {
	for round := range 60 {
		f, c := newFake(t)
		c.cfg.MultipartThresh = 10
		var source requestList
		for range 10 {
			source = append(source, Request{URI: "fake://b/k", Memory: bytes.Repeat([]byte{1}, 1000)})
		}
		o := defaults()
		o.MaxConcurrent = 1 + round%8
		s, err := c.Open(Put, source, o, false)
		if err != nil {
			t.Fatal(err)
		}
		items, _, err := s.Next(10, 10, time.Duration(rand.IntN(200))*time.Microsecond)
		if err != nil {
			t.Fatal(err)
		}
		closes(t, s)
		if f.created != f.committed+f.aborted || f.committed < len(items) {
			t.Fatalf("round %d: %d uploads, %d committed, %d aborted, %d items", round, f.created, f.committed, f.aborted, len(items))
		}
	}
}
