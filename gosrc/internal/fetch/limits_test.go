package fetch

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func anyOf[T any](values ...T) T { return values[rand.IntN(len(values))] }

// Whatever the limits are, everything arrives, and no wait ends only because
// its time is over: a wake-up was lost then.
func TestAnyLimitsLetEverythingThrough(t *testing.T) {
	for range 150 {
		f, c := newFake(t)
		var keys []string
		for i := range 60 {
			keys = append(keys, fmt.Sprintf("k%02d", i))
			f.put(keys[i], random(rand.IntN(600), uint64(i)))
		}
		source := reads(keys...)
		for i := range source {
			switch rand.IntN(4) {
			case 0:
				source[i].Size = int64(len(f.objects[keys[i]]))
			case 1:
				source[i].Size = rand.Int64N(1000)
			case 2:
				source[i].URI, source[i].Offset, source[i].Length = "fake://b/k00", 0, 0
			}
		}
		o := Options{
			Ordered: anyOf(true, false), Recursive: true, MaxConcurrent: anyOf(1, 2, 8), MaxObjects: anyOf(0, 1, 3),
			MaxInflightParts: anyOf(0, 1, 2), PartSize: anyOf[int64](0, 100), MemoryBudget: anyOf[int64](1, 9_000, 30_000),
			Prefetch: anyOf[int64](0, 1, 5),
		}
		op, wanted := anyOf(Get, GetListed), anyOf[int64](1, 7, 100)
		if op == GetListed {
			source = reads("k")
		}
		s := open(t, c, op, source, o)
		count := 0
		for finished := false; !finished; {
			start := time.Now()
			items, end, err := s.Next(wanted, wanted, time.Minute)
			if err != nil || time.Since(start) >= time.Minute {
				t.Fatalf("%+v, op %d, wanted %d: after %d items %v", o, op, wanted, count, err)
			}
			count += len(items)
			free(items)
			finished = end
		}
		if count != 60 {
			t.Fatalf("%+v, op %d: %d items", o, op, count)
		}
	}
}
