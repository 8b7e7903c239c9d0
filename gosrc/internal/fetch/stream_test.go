package fetch

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func random(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestEveryItemOnceInOrder(t *testing.T) {
	for _, ordered := range []bool{true, false} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("ordered=%v,known=%v", ordered, known), func(t *testing.T) {
				f, c := newFake(t)
				before := buffers.Default.Stats().InUse
				var keys []string
				for i := range 300 {
					key := fmt.Sprintf("k%03d", i)
					f.put(key, random(i*3, uint64(i))) // 0 to 897 bytes: none to nine parts
					keys = append(keys, key)
				}
				f.delay = func(string) time.Duration { return time.Duration(rand.IntN(300)) * time.Microsecond }
				source := reads(keys...)
				if known {
					for i := range source {
						source[i].Size = int64(i * 3)
					}
				}
				o := defaults()
				o.Ordered = ordered
				o.MemoryBudget = 20 << 10
				items := drain(t, open(t, c, Get, source, o), 7)
				seen := map[int64]bool{}
				for at, item := range items {
					if item.Err != nil {
						t.Fatal(item.Err)
					}
					if ordered && item.Index != int64(at) {
						t.Fatalf("item %d came at place %d", item.Index, at)
					}
					if !bytes.Equal(item.Data, f.objects[keys[item.Index]]) {
						t.Fatalf("wrong bytes for item %d", item.Index)
					}
					seen[item.Index] = true
				}
				if len(items) != 300 || len(seen) != 300 {
					t.Fatalf("%d items, %d different", len(items), len(seen))
				}
				free(items)
				if now := buffers.Default.Stats().InUse; now != before {
					t.Errorf("%d bytes leaked", now-before)
				}
			})
		}
	}
}

func TestSplitUsesThePartSizeAndPinsTheRest(t *testing.T) {
	f, c := newFake(t)
	f.put("big", random(950, 1))
	items := drain(t, open(t, c, Get, reads("big"), defaults()), 1)
	slices.Sort(f.opens)
	want := []string{"big 0+100", "big 100+100", "big 200+100", "big 300+100", "big 400+100", "big 500+100",
		"big 600+100", "big 700+100", "big 800+100", "big 900+50"}
	if !slices.Equal(f.opens, want) {
		t.Errorf("requests %q", f.opens)
	}
	free(items)
}

func TestNoSplit(t *testing.T) {
	f, c := newFake(t)
	f.put("big", random(950, 1))
	o := defaults()
	o.PartSize = 0
	free(drain(t, open(t, c, Get, reads("big"), o), 1))
	if !slices.Equal(f.opens, []string{"big 0+-1"}) {
		t.Errorf("requests %q", f.opens)
	}
}

func TestChangedObjectIsReadAgainAndNeverSpliced(t *testing.T) {
	f, c := newFake(t)
	f.put("big", bytes.Repeat([]byte{1}, 950))
	var once atomic.Bool
	f.onOpen = func(_ string, r backend.Range) {
		if r.Offset == 500 && once.CompareAndSwap(false, true) {
			f.put("big", bytes.Repeat([]byte{2}, 720))
		}
	}
	items := drain(t, open(t, c, Get, reads("big"), defaults()), 1)
	if items[0].Err != nil || !bytes.Equal(items[0].Data, bytes.Repeat([]byte{2}, 720)) {
		t.Fatalf("got %v, %d bytes beginning %v", items[0].Err, len(items[0].Data), items[0].Data[:1])
	}
	free(items)
}

func TestObjectThatKeepsChangingIsAnError(t *testing.T) {
	f, c := newFake(t)
	f.put("big", random(950, 1))
	f.onOpen = func(_ string, r backend.Range) {
		if r.Offset == 500 {
			f.put("big", random(950, 2))
		}
	}
	items := drain(t, open(t, c, Get, reads("big"), defaults()), 1)
	if errs.CodeOf(items[0].Err) != errs.Changed {
		t.Fatalf("got %v", items[0].Err)
	}
}

func TestCoalescedRanges(t *testing.T) {
	f, c := newFake(t)
	data := random(1000, 1)
	f.put("k", data)
	f.put("other", data)
	r := func(key string, off, n int64) Request {
		return Request{URI: "fake://b/" + key, Size: 1000, Offset: off, Length: n}
	}
	o := defaults()
	o.PartSize = 500
	source := requestList{r("k", 0, 100), r("k", 100, 50), r("k", 200, 100), r("other", 300, 10), r("k", 900, 50), r("k", 950, 350)}
	items := drain(t, open(t, c, Get, source, o), 3)
	for i, item := range items {
		from, to := source[i].Offset, min(source[i].Offset+source[i].Length, 1000)
		if item.Err != nil || !bytes.Equal(item.Data, data[from:to]) {
			t.Errorf("request %d: %v, %d bytes", i, item.Err, len(item.Data))
		}
	}
	slices.Sort(f.opens)
	if want := []string{"k 0+300", "k 900+400", "other 300+10"}; !slices.Equal(f.opens, want) {
		t.Errorf("requests %q", f.opens)
	}
	free(items)
}

func TestRangeErrors(t *testing.T) {
	f, c := newFake(t)
	f.put("k", random(10, 1))
	source := requestList{
		{URI: "fake://b/k", Size: -1, Offset: -1, Length: 5},
		{URI: "fake://b/k", Size: -1, Offset: 0, Length: -7},
		{URI: "fake://b/k", Size: -1, Offset: 11, Length: -1},
		{URI: "fake://b/k", Size: -1, Offset: 10, Length: -1},
		{URI: "fake://b/none", Size: -1, Length: -1},
		{URI: "fake://b", Size: -1, Length: -1},
		{URI: "what://b/k", Size: -1, Length: -1},
	}
	want := []errs.Code{errs.Invalid, errs.Invalid, errs.OutOfRange, errs.OK, errs.NotFound, errs.Invalid, errs.Unsupported}
	for i, item := range drain(t, open(t, c, Get, source, defaults()), 1) {
		code := errs.OK
		if item.Err != nil {
			code = item.Err.Code
		}
		if code != want[i] {
			t.Errorf("request %d: %v, want %v", i, item.Err, want[i])
		}
		free([]Item{item})
	}
}

func TestCallersMemory(t *testing.T) {
	f, c := newFake(t)
	f.put("k", random(950, 1))
	exact, short := make([]byte, 950), make([]byte, 949)
	source := requestList{
		{URI: "fake://b/k", Size: -1, Length: -1, Memory: exact},
		{URI: "fake://b/k", Size: -1, Length: -1, Memory: short},
	}
	items := drain(t, open(t, c, Get, source, defaults()), 1)
	if items[0].Err != nil || items[0].Buffer != nil || !bytes.Equal(exact, f.objects["k"]) {
		t.Errorf("read into memory: %v", items[0].Err)
	}
	if errs.CodeOf(items[1].Err) != errs.Invalid {
		t.Errorf("a destination too small: %v", items[1].Err)
	}
}

// A consumer that takes nothing stops the fetching at the budget, and one
// object larger than the budget still passes.
func TestBudgetHoldsAndTheHeadPasses(t *testing.T) {
	f, c := newFake(t)
	var keys []string
	for i := range 50 {
		key := fmt.Sprintf("k%02d", i)
		f.put(key, random(10_000-overhead, uint64(i)))
		keys = append(keys, key)
	}
	f.put("huge", random(500_000, 9))
	keys = append(keys, "huge")
	o := defaults()
	o.MemoryBudget, o.PartSize = 110_000, 20_000
	source := reads(keys...)
	for i := range source {
		source[i].Size = int64(len(f.objects[keys[i]]))
	}
	s := open(t, c, Get, source, o)
	settle(t, s)
	f.mu.Lock()
	opens := len(f.opens)
	f.mu.Unlock()
	if opens != 11 {
		t.Errorf("%d objects were fetched into a budget for 11", opens)
	}
	items := drain(t, s, 5)
	if len(items) != 51 || items[50].Err != nil || len(items[50].Data) != 500_000 {
		t.Errorf("%d items", len(items))
	}
	free(items)
}

// settle waits until no step is under way.
func settle(t *testing.T, s *Stream) {
	t.Helper()
	quiet := 0
	for range 10_000 {
		time.Sleep(time.Millisecond)
		s.mu.Lock()
		busy := s.running > 0
		s.mu.Unlock()
		if quiet++; busy {
			quiet = 0
		}
		if quiet == 20 {
			return
		}
	}
	t.Fatal("never quiet")
}

func TestLimits(t *testing.T) {
	setup := func(t *testing.T, o Options) int {
		f, c := newFake(t)
		var keys []string
		for i := range 20 {
			key := fmt.Sprintf("k%02d", i)
			f.put(key, random(1000, uint64(i)))
			keys = append(keys, key)
		}
		f.delay = func(string) time.Duration { return 2 * time.Millisecond }
		free(drain(t, open(t, c, Get, reads(keys...), o), 4))
		return f.most
	}
	o := defaults()
	o.MaxConcurrent = 3
	if n := setup(t, o); n != 3 {
		t.Errorf("max_concurrent=3: %d at once", n)
	}
	o = defaults()
	o.MaxObjects, o.MaxInflightParts = 1, 2
	if n := setup(t, o); n != 2 {
		t.Errorf("one object with 2 parts: %d at once", n)
	}
	o = defaults()
	o.Prefetch, o.PartSize = 2, 0
	if n := setup(t, o); n > 2 {
		t.Errorf("prefetch=2: %d at once", n)
	}
}

func TestCancelEndsEverything(t *testing.T) {
	f, c := newFake(t)
	before := buffers.Default.Stats().InUse
	f.hold = make(chan struct{})
	for i := range 20 {
		f.put(fmt.Sprintf("k%02d", i), random(1000, uint64(i)))
	}
	s, err := c.Open(GetListed, reads("k"), defaults(), true)
	if err != nil {
		t.Fatal(err)
	}
	if items, finished, err := s.Next(10, 1, 20*time.Millisecond); len(items) != 0 || finished || err != nil {
		t.Fatalf("nothing can have arrived: %d items, %v, %v", len(items), finished, err)
	}
	s.Cancel()
	if !s.Drained(30 * time.Second) {
		t.Fatal("workers remain")
	}
	if _, finished, _ := s.Next(100, 1, time.Minute); !finished {
		t.Error("a cancelled stream goes on")
	}
	done := make(chan struct{})
	s.Close(func() { close(done) })
	<-done
	if now := buffers.Default.Stats().InUse; now != before {
		t.Errorf("%d bytes leaked", now-before)
	}
}

func TestPanicIsAnErrorOfItsItem(t *testing.T) {
	f, c := newFake(t)
	f.put("a", []byte("a"))
	f.put("c", []byte("c"))
	f.onOpen = func(key string, _ backend.Range) {
		if key == "bad" {
			panic("boom")
		}
	}
	items := drain(t, open(t, c, Get, reads("a", "bad", "c"), defaults()), 1)
	if items[0].Err != nil || items[2].Err != nil || errs.CodeOf(items[1].Err) != errs.Internal {
		t.Errorf("%v, %v, %v", items[0].Err, items[1].Err, items[2].Err)
	}
	free(items)
}

func TestListedReads(t *testing.T) {
	f, c := newFake(t)
	for i := range 95 {
		f.put(fmt.Sprintf("d/k%02d.txt", i), []byte{byte(i)})
	}
	f.put("d/", nil)
	f.put("d/skip.bin", []byte("x"))
	o := defaults()
	o.Pattern = "*.txt"
	o.ShardIndex, o.ShardCount = 1, 3
	items := drain(t, open(t, c, GetListed, reads("d/"), o), 16)
	for i, item := range items {
		want := int64(1 + 3*i)
		if item.Err != nil || item.Index != want || item.Data[0] != byte(want) || string(item.Text) != fmt.Sprintf("fake://b/d/k%02d.txt", want) {
			t.Fatalf("item %d: index %d, %q, %v", i, item.Index, item.Text, item.Err)
		}
	}
	if len(items) != 32 {
		t.Errorf("%d items", len(items))
	}
	free(items)
}

func TestListingPagesWaitForTheConsumer(t *testing.T) {
	f, c := newFake(t)
	for i := range 1000 {
		f.put(fmt.Sprintf("k%04d", i), nil)
	}
	s := open(t, c, List, reads(""), defaults())
	time.Sleep(50 * time.Millisecond)
	s.mu.Lock()
	held := len(s.pages)
	s.mu.Unlock()
	if held > maxPages {
		t.Errorf("%d pages were kept", held)
	}
	items := drain(t, s, 1)
	if len(items) != 100 {
		t.Errorf("%d pages", len(items))
	}
	free(items)
}

func TestFailedListingIsTheEnd(t *testing.T) {
	_, c := newFake(t)
	s := open(t, c, List, requestList{{URI: "what://b/"}}, defaults())
	for {
		_, finished, err := s.Next(1, 1, time.Second)
		if err != nil {
			if errs.CodeOf(err) != errs.Unsupported || !finished {
				t.Errorf("got %v, finished %v", err, finished)
			}
			return
		}
		if finished {
			t.Fatal("the failure was lost")
		}
	}
}

func TestUploadInParts(t *testing.T) {
	f, c := newFake(t)
	c.cfg.MultipartThresh = 10
	data := random(1234, 5)
	put := requestList{{URI: "fake://b/k", Memory: data}}
	items := drain(t, open(t, c, Put, put, defaults()), 1)
	if items[0].Err != nil || !bytes.Equal(f.stored["committed"], data) {
		t.Fatalf("%v, %d bytes", items[0].Err, len(f.stored["committed"]))
	}
	f.stored = map[string][]byte{}
	f.failAt = 7
	items = drain(t, open(t, c, Put, put, defaults()), 1)
	if errs.CodeOf(items[0].Err) != errs.NoSpace || f.aborted != 1 || f.stored["committed"] != nil {
		t.Errorf("%v, aborted %d times", items[0].Err, f.aborted)
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		prefix, pattern, key string
		want                 bool
	}{
		{"d/", "*.txt", "d/a/b.txt", true},
		{"d/", "*.txt", "d/a/b.bin", false},
		{"d/", "a/*.txt", "d/a/b.txt", true},
		{"d/", "a/*.txt", "d/x/a/b.txt", false},
		{"d/", "**/b.txt", "d/x/a/b.txt", true},
		{"/tmp/d", "a/*", "/tmp/d/a/b", true},
		{"img_0", "img_0?.png", "img_01.png", true},
		{"x/img_0", "y/z", "x/y/z", true},
		{"", "*.{a,b}", "k.b", true},
	} {
		if got := matcher(c.prefix, c.pattern)(c.key); got != c.want {
			t.Errorf("%q under %q of %q: %v", c.pattern, c.prefix, c.key, got)
		}
	}
}
