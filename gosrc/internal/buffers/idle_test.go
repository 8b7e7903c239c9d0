package buffers

import "testing"

// What is kept must be of use: sizes that nobody asks for any more make room.
func TestMemoryOfOtherSizesMakesRoom(t *testing.T) {
	const retain = 64 << 20
	p := NewPool(retain)
	fill := func(size int64) {
		var held []*Buffer
		for range 2 * retain / size {
			held = append(held, get(t, p, size))
		}
		for _, b := range held {
			b.Release()
		}
		if kept := p.Stats().Pooled; kept > retain || kept < retain/2 {
			t.Errorf("%d bytes are kept, of %d allowed", kept, retain)
		}
	}
	fill(8 << 20)
	for _, size := range []int64{4 << 20, 100 << 10} {
		b := get(t, p, size)
		b.Bytes()[0] = 'x'
		b.Release()
		if b = get(t, p, size); b.Bytes()[0] != 'x' { // fresh memory is zero
			t.Errorf("memory of %d bytes was not kept", size)
		}
		b.Release()
		fill(size)
	}
}
