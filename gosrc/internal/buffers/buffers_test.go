package buffers

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"unsafe"
)

func get(t *testing.T, p *Pool, n int64) *Buffer {
	t.Helper()
	b, err := p.Get(n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSizesAndAlignment(t *testing.T) {
	p := NewPool(0)
	for _, n := range []int64{0, 1, 63, 64, 65, 4095, 4096, 4097, 100_000, 131072, 1 << 20, 5<<20 + 1} {
		b := get(t, p, n)
		if int64(len(b.Bytes())) != n {
			t.Errorf("asked for %d bytes, got %d", n, len(b.Bytes()))
		}
		block := b.Bytes()[:cap(b.Bytes())]
		if n >= Align {
			if at := uintptr(unsafe.Pointer(&block[0])); at%Align != 0 || len(block)%Align != 0 {
				t.Errorf("%d bytes: block at %#x of %d bytes is not aligned", n, at, len(block))
			}
			if int64(len(block)) > n+n/4+Align {
				t.Errorf("%d bytes wasted a block of %d", n, len(block))
			}
		}
		b.Release()
	}
	if s := p.Stats(); s.InUse != 0 || s.Pooled != 0 {
		t.Errorf("a pool that keeps nothing holds %+v", s)
	}
}

func TestReuseAndRetention(t *testing.T) {
	p := NewPool(1 << 30)
	a := get(t, p, 8<<20)
	first := &a.Bytes()[0]
	a.Release()
	b := get(t, p, 8<<20)
	if &b.Bytes()[0] != first {
		t.Error("a freed block was not reused")
	}
	b.Retain()
	b.Release()
	if p.Stats().InUse != 8<<20 {
		t.Error("a buffer with a reference left was freed")
	}
	b.Release()
	if s := p.Stats(); s.InUse != 0 || s.Pooled != 8<<20 {
		t.Errorf("retained %+v", s)
	}
}

func TestSizesThatNoMemoryHas(t *testing.T) {
	p := NewPool(0)
	for _, n := range []int64{-1, math.MinInt64, math.MaxInt64, math.MaxInt64 - Align, 1 << 60} {
		if b, err := p.Get(n); err == nil {
			t.Errorf("%d bytes: got %d", n, len(b.Bytes()))
		}
	}
	if s := p.Stats(); s != (Stats{}) {
		t.Errorf("the pool holds %+v", s)
	}
}

func TestReleaseTwicePanics(t *testing.T) {
	b := get(t, NewPool(1<<20), 100)
	b.Release()
	defer func() {
		if recover() == nil {
			t.Error("a second release went unnoticed")
		}
	}()
	b.Release()
}

func TestConcurrentBlocksNeverOverlap(t *testing.T) {
	p := NewPool(1 << 20)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			var held []*Buffer
			for range 2000 {
				n := 1 + r.Int64N(1<<uint(4+r.IntN(17)))
				b, err := p.Get(n)
				if err != nil {
					t.Error(err)
					return
				}
				b.Bytes()[0], b.Bytes()[n-1] = byte(g), byte(g)
				held = append(held, b)
				if len(held) > 50 {
					i := r.IntN(len(held))
					h := held[i]
					if d := h.Bytes(); d[0] != byte(g) || d[len(d)-1] != byte(g) {
						t.Error("another goroutine wrote into this buffer")
					}
					h.Release()
					held[i] = held[len(held)-1]
					held = held[:len(held)-1]
				}
			}
			for _, b := range held {
				b.Release()
			}
		})
	}
	wg.Wait()
	if s := p.Stats(); s.InUse != 0 {
		t.Errorf("leaked %+v", s)
	}
}
