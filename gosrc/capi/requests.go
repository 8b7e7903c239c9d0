package main

/*
#include "s3dlio.h"
*/
import "C"

import (
	"unsafe"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/fetch"
)

// requests reads the columns of an s3d_requests where they lie: the caller
// keeps them in place until the stream is drained.
type requests struct {
	count     int64
	base      string
	names     string
	nameEnds  []int64
	order     []int64
	sizes     []int64
	offsets   []int64
	lengths   []int64
	memory    []unsafe.Pointer
	memoryLen []int64

	targetBase string
	targets    string
	targetEnds []int64

	etags    string
	etagEnds []int64
}

// newRequests checks that every index lies inside the columns, as far as the
// caller has said how long they are.
func newRequests(c *C.s3d_requests) (*requests, error) {
	n := int64(c.count)
	if n < 0 {
		return nil, errs.New(errs.Invalid, "", "", "a stream cannot have %d requests", n)
	}
	r := &requests{
		count:     n,
		base:      string([]byte(borrowed(c.base))),
		order:     int64s(c.order, n),
		offsets:   int64s(c.offsets, n),
		lengths:   int64s(c.lengths, n),
		memoryLen: int64s(c.memory_len, n),
		memory:    column((*unsafe.Pointer)(unsafe.Pointer(c.memory)), n),
	}
	if n > 0 && c.name_ends == nil || (c.memory == nil) != (c.memory_len == nil) {
		return nil, errs.New(errs.Invalid, "", "", "a stream needs name_ends, and memory and memory_len together")
	}
	named := n
	if r.order != nil {
		named = 0
	}
	for _, j := range r.order {
		if j < 0 {
			return nil, errs.New(errs.Invalid, "", "", "the order names entry %d", j)
		}
		named = max(named, j+1)
	}
	if r.targetEnds = int64s(c.target_ends, n); n > 0 && r.targetEnds != nil {
		r.targetBase = string([]byte(borrowed(c.target_base)))
		r.targets = unsafe.String((*byte)(unsafe.Pointer(c.targets)), int(r.targetEnds[n-1]))
	}
	if r.etagEnds = int64s(c.etag_ends, n); n > 0 && r.etagEnds != nil {
		r.etags = unsafe.String((*byte)(unsafe.Pointer(c.etags)), int(r.etagEnds[n-1]))
	}
	r.nameEnds = int64s(c.name_ends, named)
	r.sizes = int64s(c.sizes, named)
	if named > 0 {
		r.names = unsafe.String((*byte)(unsafe.Pointer(c.names)), int(r.nameEnds[named-1]))
	}
	return r, nil
}

func int64s(at *C.int64_t, n int64) []int64 {
	return column((*int64)(unsafe.Pointer(at)), n)
}

func (r *requests) Len() int64 { return r.count }

func (r *requests) At(i int64) fetch.Request {
	j := i
	if r.order != nil {
		j = r.order[i]
	}
	out := fetch.Request{Index: i, URI: joined(r.base, r.names, r.nameEnds, j), Size: -1, Length: -1}
	if r.targetEnds != nil {
		out.Target = joined(r.targetBase, r.targets, r.targetEnds, i)
	}
	if r.etagEnds != nil {
		out.ETag = joined("", r.etags, r.etagEnds, i)
	}
	if r.sizes != nil {
		out.Size = r.sizes[j]
	}
	if r.offsets != nil {
		out.Offset = r.offsets[i]
	}
	if r.lengths != nil {
		out.Length = r.lengths[i]
	}
	if r.memory != nil {
		out.Memory = callerMemory(r.memory[i], r.memoryLen[i])
	}
	return out
}

// joined is base and name i, in memory of its own.
func joined(base, names string, ends []int64, i int64) string {
	from := int64(0)
	if i > 0 {
		from = ends[i-1]
	}
	name := names[from:ends[i]]
	if base == "" { // a concatenation would copy nothing: the text would still be the caller's
		return string([]byte(name))
	}
	return base + name
}

// callerMemory is never nil, so that an empty destination is told from none.
func callerMemory(at unsafe.Pointer, n int64) []byte {
	if n == 0 || at == nil {
		return []byte{}
	}
	return unsafe.Slice((*byte)(at), n)
}
