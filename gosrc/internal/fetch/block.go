package fetch

import (
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
)

// block is one buffer that the objects of a batch share, all of one size and
// side by side, so that the batch is one array without a copy.
type block struct {
	each int64 // bytes of every member

	mu     sync.Mutex
	count  int64 // members
	left   int64 // members that may still ask for their place
	buffer *buffers.Buffer
	closed bool
}

// blocks makes the blocks of a stream. Its methods are called with Stream.mu held.
type blocks struct {
	size    int64 // members of a block; 0: there are none
	current *block
	group   int64               // of which current is the block
	open    map[*block]struct{} // with members that are still to come
}

// startAt says whether request i begins a block.
func (b *blocks) startAt(i int64) bool { return b.size > 1 && i%b.size == 0 }

// join gives request i its block and its place there; nil where it has none.
// following returns that request and those after it, which a block is made for.
func (b *blocks) join(i int64, following func(n int64) []Request) (*block, int64) {
	if b.startAt(i) {
		b.group, b.current = i/b.size, newBlock(following(b.size))
		if b.current != nil {
			if b.open == nil {
				b.open = map[*block]struct{}{}
			}
			b.open[b.current] = struct{}{}
		}
	}
	if b.current == nil || i/b.size != b.group || i%b.size >= b.current.count { // not listed yet when its block was made
		return nil, 0
	}
	return b.current, i % b.size
}

// newBlock makes the block of these requests, if they are whole objects that
// are known to have one size. Memory comes with the first of them that needs it.
func newBlock(members []Request) *block {
	if len(members) < 2 {
		return nil
	}
	each := members[0].Size
	for _, r := range members {
		if r.Size <= 0 || r.Size != each || r.Memory != nil || r.Offset != 0 || r.Length >= 0 {
			return nil
		}
	}
	if each > maxNeed/int64(len(members)) {
		return nil
	}
	n := int64(len(members))
	return &block{each: each, count: n, left: n}
}

// place returns the memory of a member, with a reference of its own to the buffer.
func (b *block) place(i int64) (*buffers.Buffer, []byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buffer == nil {
		var err error
		if b.buffer, err = buffers.Default.Get(b.each * b.count); err != nil {
			return nil, nil, err
		}
	}
	b.buffer.Retain()
	from, to := i*b.each, (i+1)*b.each
	return b.buffer, b.buffer.Bytes()[from:to:to], nil
}

// leave: a member will not ask for its place again. True with the last one.
func (b *block) leave() bool {
	b.mu.Lock()
	b.left--
	last := b.left == 0
	b.mu.Unlock()
	if last {
		b.drop()
	}
	return last
}

// drop gives up the block's own reference to the buffer.
func (b *block) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buffer != nil && !b.closed {
		b.buffer.Release()
	}
	b.closed = true
}

// leave ends the part of g in its block.
func (g *get) leave(s *Stream) {
	b := g.block
	g.block = nil
	if b == nil || !b.leave() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.blocks.open, b)
}

// dropBlocks is for a stream that ends early: members of its blocks never came.
func (s *Stream) dropBlocks() {
	for b := range s.blocks.open {
		b.drop()
	}
	s.blocks.open = nil
}
