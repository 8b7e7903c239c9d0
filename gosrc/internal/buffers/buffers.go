// Package buffers is the memory that payload lives in: outside Go's heap, so
// that the garbage collector neither scans nor moves it, reference-counted, so
// that several views can share it, and reused, because the first touch of fresh
// pages is most of the cost of a large read.
package buffers

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Align is the alignment of every buffer of Align bytes or more, as O_DIRECT wants it.
const Align = 4096

// Buffer is a piece of memory with a reference count that begins at 1.
type Buffer struct {
	data  []byte // len: as asked for; cap: the whole block
	refs  atomic.Int32
	span  *span
	slot  int32
	fresh bool // nobody has touched the pages yet
}

// Bytes is the memory; its capacity may exceed its length.
func (b *Buffer) Bytes() []byte { return b.data }

// Retain adds a reference.
func (b *Buffer) Retain() { b.refs.Add(1) }

// Release drops a reference; with the last one the memory is reused.
func (b *Buffer) Release() {
	switch n := b.refs.Add(-1); {
	case n == 0:
		b.span.class.put(b)
	case n < 0:
		panic("buffers: released more often than retained")
	}
}

// Stats are bytes: handed out, and kept for reuse.
type Stats struct {
	InUse  int64 `json:"in_use"`
	Pooled int64 `json:"pooled"`
}

// Pool hands out buffers.
type Pool struct {
	retain  int64 // free bytes kept for reuse
	inUse   atomic.Int64
	pooled  atomic.Int64
	classes []*class
	idle    idle
}

// NewPool makes a pool that keeps up to retain bytes of free memory.
func NewPool(retain int64) *Pool {
	p := &Pool{retain: retain}
	for _, size := range classSizes() {
		p.classes = append(p.classes, &class{pool: p, size: size})
	}
	return p
}

// Default is the pool of the process.
var Default = NewPool(256 << 20)

// Get returns a buffer of n bytes whose contents are undefined.
func (p *Pool) Get(n int64) (*Buffer, error) {
	if n < 0 || n > math.MaxInt64-Align {
		return nil, fmt.Errorf("no memory has %d bytes", n)
	}
	return p.class(n).get(n)
}

// Stats reports the state of the pool.
func (p *Pool) Stats() Stats {
	return Stats{InUse: p.inUse.Load(), Pooled: p.pooled.Load()}
}

const (
	spanSize  = 4 << 20 // small blocks are cut from spans of this size
	largest   = 1 << 30 // larger blocks have a class of their own making
	smallBase = 64
)

// classSizes: powers of two to 4 KiB, then pages, then four steps a doubling, so
// that at most a quarter of a block is unused.
func classSizes() []int64 {
	var sizes []int64
	for s := int64(smallBase); s < Align; s *= 2 {
		sizes = append(sizes, s)
	}
	for s := int64(Align); s < 4*Align; s += Align {
		sizes = append(sizes, s)
	}
	for base := int64(4 * Align); base < largest; base *= 2 {
		for i := range int64(4) {
			sizes = append(sizes, base+i*base/4)
		}
	}
	return append(sizes, largest)
}

func (p *Pool) class(n int64) *class {
	lo, hi := 0, len(p.classes)
	for lo < hi {
		if mid := (lo + hi) / 2; p.classes[mid].size < n {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(p.classes) {
		return &class{pool: p, size: (n + Align - 1) / Align * Align}
	}
	return p.classes[lo]
}

// class is all the blocks of one size.
type class struct {
	pool *Pool
	size int64

	mu      sync.Mutex
	partial []*span // spans with a free block
}

// span is one mapping, cut into blocks of one class.
type span struct {
	class  *class
	memory []byte
	free   []int32 // free blocks, the most recently used last
	blocks int32
	used   int32 // blocks from here on were never handed out
	listed bool  // in class.partial
}

// whole: no block of it is in use.
func (s *span) whole() bool { return int32(len(s.free)) == s.blocks }

func (c *class) get(n int64) (*Buffer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.partial) == 0 {
		if err := c.grow(); err != nil {
			return nil, err
		}
	}
	s := c.partial[len(c.partial)-1]
	if s.whole() {
		c.pool.idle.remove(s)
	}
	slot := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	if len(s.free) == 0 {
		c.partial = c.partial[:len(c.partial)-1]
		s.listed = false
	}
	c.pool.inUse.Add(c.size)
	c.pool.pooled.Add(-c.size)
	at := int64(slot) * c.size
	b := &Buffer{data: s.memory[at : at+n : at+c.size], span: s, slot: slot, fresh: slot >= s.used}
	b.refs.Store(1)
	s.used = max(s.used, slot+1)
	return b, nil
}

func (c *class) grow() error {
	blocks := max(1, spanSize/c.size)
	memory, err := unix.Mmap(-1, 0, int(blocks*c.size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return fmt.Errorf("cannot map %d bytes: %w", blocks*c.size, err)
	}
	s := &span{class: c, memory: memory, blocks: int32(blocks), listed: true}
	for slot := int32(blocks) - 1; slot >= 0; slot-- {
		s.free = append(s.free, slot)
	}
	c.partial = append(c.partial, s)
	c.pool.pooled.Add(int64(len(memory)))
	return nil
}

func (c *class) put(b *Buffer) {
	c.giveBack(b)
	c.pool.trim()
}

func (c *class) giveBack(b *Buffer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := b.span
	s.free = append(s.free, b.slot)
	c.pool.inUse.Add(-c.size)
	c.pool.pooled.Add(c.size)
	if !s.listed {
		c.partial = append(c.partial, s)
		s.listed = true
	}
	switch {
	case !s.whole():
	case c.size > largest:
		c.unmap(s)
	default:
		c.pool.idle.add(s)
	}
}

// unmap gives the memory of a span back. Called with mu held.
func (c *class) unmap(s *span) {
	if i := slices.Index(c.partial, s); i >= 0 {
		c.partial = slices.Delete(c.partial, i, i+1)
	}
	c.pool.idle.remove(s)
	c.pool.pooled.Add(-int64(len(s.memory)))
	if err := unix.Munmap(s.memory); err != nil {
		panic(fmt.Sprintf("buffers: munmap: %v", err)) // a wrong address: memory is corrupt
	}
	s.memory = nil
}
