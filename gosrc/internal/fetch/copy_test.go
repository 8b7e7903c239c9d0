package fetch

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// copies of the keys, each to fake://b/committed, the name that uploads of the fake have.
func copies(keys ...string) requestList {
	l := reads(keys...)
	for i := range l {
		l[i].Target = "fake://b/committed"
	}
	return l
}

func unleaked(t *testing.T) {
	before := buffers.Default.Stats().InUse
	t.Cleanup(func() {
		if now := buffers.Default.Stats().InUse; now != before {
			t.Errorf("%d bytes leaked", now-before)
		}
	})
}

func TestCopyOfAnySize(t *testing.T) {
	unleaked(t)
	for _, size := range []int{0, 1, 99, 100, 101, 200, 950} {
		for _, known := range []int64{-1, int64(size), 7} {
			for _, least := range []int64{0, 64, 150} {
				f, c := newFake(t)
				f.leastPart = least
				f.put("k", random(size, 1))
				f.answer = func(r *fakeReader) { r.info.ContentType = "text/plain" }
				source := copies("k")
				source[0].Size = known
				s := open(t, c, Copy, source, defaults())
				items := drain(t, s, 1)
				if moved := s.Moved(); moved != int64(size) {
					t.Errorf("%d of %d bytes were counted", moved, size)
				}
				if items[0].Err != nil || items[0].Size != int64(size) || !bytes.Equal(f.stored["committed"], f.objects["k"]) {
					t.Fatalf("%d bytes, known as %d, parts of %d: %+v, stored %d", size, known, least, items[0], len(f.stored["committed"]))
				}
				if !strings.Contains(string(items[0].Text), fmt.Sprintf(`"size":%d`, size)) {
					t.Errorf("its text is %s", items[0].Text)
				}
				if f.attributes == nil || f.attributes.ContentType != "text/plain" {
					t.Errorf("stored with %+v", f.attributes)
				}
			}
		}
	}
}

// Whatever part the change is seen at, nothing of two versions is stored.
func TestCopyOfASourceThatChanges(t *testing.T) {
	unleaked(t)
	for _, at := range []int64{100, 500, 900} {
		f, c := newFake(t)
		f.put("k", random(950, 1))
		var once sync.Once
		f.onOpen = func(_ string, r backend.Range) {
			if r.Offset == at {
				once.Do(func() { f.put("k", random(950, 2)) })
			}
		}
		items := drain(t, open(t, c, Copy, copies("k"), defaults()), 1)
		if errs.CodeOf(items[0].Err) != errs.Changed || f.created != 1 || f.aborted != 1 || len(f.stored) != 0 {
			t.Errorf("got %v, %d uploads, %d aborted, stored %d", items[0].Err, f.created, f.aborted, len(f.stored))
		}
	}
}

func TestCopyOfAnswersThatDoNotAddUp(t *testing.T) {
	unleaked(t)
	for _, size := range []int64{-1, 0, 30, 950, math.MaxInt64} {
		for _, length := range []int64{0, 50, 101} {
			for place := range 3 {
				if size == length && place == 0 {
					continue // that of an empty object
				}
				f, c := newFake(t)
				f.put("k", random(950, 1))
				var count atomic.Int64
				f.answer = func(r *fakeReader) {
					if int(count.Add(1)) == place+1 {
						r.info.Size, r.n = size, length
					}
				}
				items := drain(t, open(t, c, Copy, copies("k"), defaults()), 1)
				if items[0].Err == nil || f.created != f.aborted || len(f.stored) != 0 {
					t.Errorf("size %d, length %d at read %d: %v, %d stored", size, length, place, items[0].Err, len(f.stored))
				}
			}
		}
	}
}

func TestAPartOfACopyThatCannotBeStored(t *testing.T) {
	unleaked(t)
	f, c := newFake(t)
	f.put("k", random(950, 1))
	f.failAt = 4
	items := drain(t, open(t, c, Copy, copies("k"), defaults()), 1)
	if e := items[0].Err; errs.CodeOf(e) != errs.NoSpace || e.URI != "fake://b/committed" || f.aborted != 1 || len(f.stored) != 0 {
		t.Errorf("got %v of %q, %d aborted", e, e.URI, f.aborted)
	}
}

func TestAPanicInACopyIsItsError(t *testing.T) {
	unleaked(t)
	for name, disturb := range map[string]func(*fake){
		"reading": func(f *fake) {
			f.answer = func(r *fakeReader) {
				if r.n == 50 {
					r.Reader = nil
				}
			}
		},
		"writing": func(f *fake) {
			f.onWrite = func(n int) {
				if n == 4 {
					panic("boom")
				}
			}
		},
	} {
		f, c := newFake(t)
		f.put("k", random(950, 1))
		disturb(f)
		items := drain(t, open(t, c, Copy, copies("k"), defaults()), 1)
		if errs.CodeOf(items[0].Err) != errs.Internal || f.aborted != 1 || len(f.stored) != 0 {
			t.Errorf("%s: got %v, %d aborted, %d stored", name, items[0].Err, f.aborted, len(f.stored))
		}
	}
}

func TestCopiesThatCannotBegin(t *testing.T) {
	for _, c := range []struct {
		source, target string
		code           errs.Code
		uri            string
	}{
		{"fake://b/missing", "fake://b/committed", errs.NotFound, "fake://b/missing"},
		{"fake://b/", "fake://b/committed", errs.Invalid, "fake://b/"},
		{"fake://b/k", "fake://b", errs.Invalid, "fake://b"},
		{"fake://b/k", "other://b/k", errs.Unsupported, "other://b/k"},
		{"fake://b/k", "", errs.Invalid, ""},
		{"nonsense", "fake://b/committed", errs.Invalid, "nonsense"},
	} {
		f, client := newFake(t)
		f.put("k", random(950, 1))
		items := drain(t, open(t, client, Copy, requestList{{URI: c.source, Target: c.target, Size: -1}}, defaults()), 1)
		if e := items[0].Err; errs.CodeOf(e) != c.code || c.uri != "" && e.URI != c.uri || f.created != 0 {
			t.Errorf("%q to %q: %v, %d uploads", c.source, c.target, e, f.created)
		}
	}
}

// The budget bounds the buffers of one copy and of many, but for one part of the
// oldest; an outcome that nobody has taken yet holds no room.
func TestCopiesStayWithinTheBudget(t *testing.T) {
	unleaked(t)
	const part, budget = 100_000, 350_000
	f, c := newFake(t)
	before := buffers.Default.Stats().InUse
	var most atomic.Int64
	see := func() {
		if now := buffers.Default.Stats().InUse - before; now > most.Load() {
			most.Store(now)
		}
	}
	f.onWrite = func(int) { see(); time.Sleep(time.Millisecond); see() }
	f.put("large", random(20*part, 1))
	keys := []string{"large", "large"}
	for i := range 40 {
		keys = append(keys, fmt.Sprintf("k%02d", i))
		f.put(keys[i+2], random(part*3/2, uint64(i)))
	}
	o := defaults()
	o.PartSize, o.MemoryBudget, o.MaxConcurrent = part, budget, 16
	s := open(t, c, Copy, copies(keys...), o)
	settle(t, s)
	if f.committed != len(keys) {
		t.Errorf("%d of %d are stored where nobody takes the outcomes", f.committed, len(keys))
	}
	s.mu.Lock()
	if s.inUse != int64(len(keys))*overhead {
		t.Errorf("%d bytes are counted for %d outcomes", s.inUse, len(keys))
	}
	s.mu.Unlock()
	if limit := int64(budget+part) * 5 / 4; most.Load() > limit || most.Load() < 2*part { // a buffer wastes a quarter at most
		t.Errorf("%d bytes of buffers within a budget of %d", most.Load(), budget)
	}
	drain(t, s, 5)
}

func TestCopiesClosedAtAnyMomentAreEnded(t *testing.T) {
	unleaked(t)
	for round := range 60 {
		f, c := newFake(t)
		f.put("k", random(1000, 1))
		o := defaults()
		o.MaxConcurrent, o.MemoryBudget = 1+round%8, anyOf[int64](1, 500, 1<<20)
		s, err := c.Open(Copy, copies("k", "k", "k", "k", "k", "k"), o, false)
		if err != nil {
			t.Fatal(err)
		}
		items, _, err := s.Next(6, 6, time.Duration(rand.IntN(300))*time.Microsecond)
		if err != nil {
			t.Fatal(err)
		}
		closes(t, s)
		if f.created != f.committed+f.aborted || f.committed < len(items) {
			t.Fatalf("round %d: %d uploads, %d committed, %d aborted, %d items", round, f.created, f.committed, f.aborted, len(items))
		}
	}
}

func TestAnyLimitsLetAllCopiesThrough(t *testing.T) {
	unleaked(t)
	for range 100 {
		f, c := newFake(t)
		var keys []string
		for i := range 40 {
			keys = append(keys, fmt.Sprintf("k%02d", i))
			f.put(keys[i], random(rand.IntN(600), uint64(i)))
		}
		source := copies(keys...)
		for i := range source {
			source[i].Size = anyOf(-1, int64(len(f.objects[keys[i]])), rand.Int64N(1000))
		}
		o := Options{
			Ordered: anyOf(true, false), MaxConcurrent: anyOf(1, 2, 8), MaxObjects: anyOf(0, 1, 3), MaxInflightParts: anyOf(0, 1, 2),
			PartSize: anyOf[int64](0, 100), MemoryBudget: anyOf[int64](1, 9_000, 30_000), Prefetch: anyOf[int64](0, 1, 5),
		}
		s := open(t, c, Copy, source, o)
		count, wanted := 0, anyOf[int64](1, 7, 100)
		for finished := false; !finished; {
			start := time.Now()
			items, end, err := s.Next(wanted, wanted, time.Minute)
			if err != nil || time.Since(start) >= time.Minute {
				t.Fatalf("%+v, wanted %d: after %d items %v", o, wanted, count, err)
			}
			for _, item := range items {
				if item.Err != nil {
					t.Fatal(item.Err)
				}
			}
			count += len(items)
			finished = end
		}
		if count != len(keys) {
			t.Fatalf("%+v: %d items", o, count)
		}
	}
}
