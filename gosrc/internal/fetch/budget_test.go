package fetch

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
)

// store puts n objects of size bytes and returns reads of them that claim another size.
func store(f *fake, n, size int, claimed int64) requestList {
	var keys []string
	for i := range n {
		keys = append(keys, fmt.Sprintf("k%02d", i))
		f.put(keys[i], random(size, uint64(i)))
	}
	source := reads(keys...)
	for i := range source {
		source[i].Size = claimed
	}
	return source
}

// reaches waits for a count.
func reaches(t *testing.T, count *atomic.Int64, want int64) {
	t.Helper()
	for range 30_000 {
		if count.Load() >= want {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%d of %d", count.Load(), want)
}

func TestObjectsLargerThanTheirListingCountAsTheyAre(t *testing.T) {
	f, c := newFake(t)
	source := store(f, 30, 100_000, 10)
	o := defaults()
	o.MaxConcurrent, o.PartSize, o.MemoryBudget = 1, 1<<20, 110_000
	s := open(t, c, Get, source, o)
	settle(t, s)
	f.mu.Lock()
	opens := len(f.opens)
	f.mu.Unlock()
	if opens > 2 {
		t.Errorf("%d objects of 100,000 bytes were fetched into a budget of 110,000", opens)
	}
	free(drain(t, s, 5))
}

func TestSizesThatNoMemoryHoldsDoNotUndoTheBudget(t *testing.T) {
	f, c := newFake(t)
	source := store(f, 20, 10, math.MaxInt64-overhead-1)
	var mu sync.Mutex
	inside, most := 0, 0
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		inside += n
		most = max(most, inside)
	}
	f.onOpen = func(string, backend.Range) {
		count(1)
		time.Sleep(time.Millisecond)
		count(-1)
	}
	o := defaults()
	o.PartSize = 0
	free(drain(t, open(t, c, Get, source, o), 5))
	if most != 1 {
		t.Errorf("%d at once, each larger than the budget", most)
	}
}

// Room that one item leaves is room for as many as fit.
func TestTakingOneLargeItemLetsManySmallOnesBegin(t *testing.T) {
	f, c := newFake(t)
	source := store(f, 30, 100, 100)
	f.put("k00", random(500_000, 1))
	source[0].Size = 500_000
	var begun atomic.Int64
	release := make(chan struct{})
	f.onOpen = func(key string, _ backend.Range) {
		if key != "k00" {
			begun.Add(1)
			<-release
		}
	}
	o := defaults()
	o.PartSize, o.MemoryBudget = 0, 100_000
	s := open(t, c, Get, source, o)
	t.Cleanup(sync.OnceFunc(func() { close(release) }))
	items, _, err := s.Next(1, 1, time.Minute)
	if err != nil || len(items) != 1 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	free(items)
	reaches(t, &begun, 8)
}

func TestAnObjectSmallerThanExpectedMakesRoom(t *testing.T) {
	f, c := newFake(t)
	source := store(f, 30, 10, -1)
	f.hold = make(chan struct{})
	var begun atomic.Int64
	f.onOpen = func(string, backend.Range) { begun.Add(1) }
	o := defaults()
	o.PartSize, o.MemoryBudget = 50_000, 120_000 // room for two of unknown size
	s := open(t, c, Get, source, o)
	reaches(t, &begun, 8)
	close(f.hold)
	free(drain(t, s, 5))
}
