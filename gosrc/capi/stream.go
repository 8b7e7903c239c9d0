package main

/*
#include "s3dlio.h"
*/
import "C"

import (
	"math"
	"time"
	"unsafe"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/fetch"
	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
)

// Compile-time: fetch lays pages out as the header says.
var _ = [1]struct{}{}[unsafe.Sizeof(C.s3d_page{})-unsafe.Sizeof(fetch.Page{})]
var _ = [1]struct{}{}[unsafe.Offsetof(C.s3d_page{}.restored_until)-unsafe.Offsetof(fetch.Page{}.RestoredUntil)]

// Compile-time: the operations are those of the header.
var _ = [1]struct{}{}[C.S3D_OP_GET-C.int(fetch.Get)]
var _ = [1]struct{}{}[C.S3D_OP_GET_LISTED-C.int(fetch.GetListed)]
var _ = [1]struct{}{}[C.S3D_OP_COPY-C.int(fetch.Copy)]
var _ = [1]struct{}{}[C.S3D_OP_DIAGNOSE-C.int(fetch.Diagnose)]

var streams = newTable[*fetch.Stream]("stream")

//export s3d_stream_open
func s3d_stream_open(client C.s3d_client, reqs *C.s3d_requests, opts *C.s3d_stream_options,
	stream *C.s3d_stream, failure *C.s3d_text,
) C.int32_t {
	return fail(guard.Run("open", "", func() error {
		c, err := clients.get(uint64(client))
		if err != nil {
			return err
		}
		source, err := newRequests(reqs)
		if err != nil {
			return err
		}
		if op := fetch.Op(opts.op); source.etagEnds != nil && op != fetch.Get {
			return errs.New(errs.Invalid, op.String(), "", "only reads can be pinned to ETags")
		}
		s, err := c.Open(fetch.Op(opts.op), source, streamOptions(opts), opts.event_fd != 0)
		if err != nil {
			return err
		}
		*stream = C.s3d_stream(streams.add(s))
		return nil
	}), failure)
}

func streamOptions(o *C.s3d_stream_options) fetch.Options {
	return fetch.Options{
		Ordered:          o.ordered != 0,
		Recursive:        o.recursive != 0,
		MaxConcurrent:    int(o.max_concurrent),
		MaxObjects:       int(o.max_objects),
		MaxInflightParts: int(o.max_inflight_parts),
		PartSize:         int64(o.part_size),
		MemoryBudget:     int64(o.memory_budget),
		Prefetch:         int64(o.prefetch),
		Pattern:          string([]byte(borrowed(o.pattern))),
		ShardIndex:       int64(o.shard_index),
		ShardCount:       int64(o.shard_count),
		Group:            int64(o.group),
		TellETags:        o.tell_etags != 0,
		FreshMemory:      o.fresh_memory != 0,
	}
}

//export s3d_stream_next
func s3d_stream_next(stream C.s3d_stream, items *C.s3d_item, capacity, wanted C.int64_t, timeoutMs C.int32_t,
	taken *C.int64_t, finished *C.int32_t, failure *C.s3d_text,
) C.int32_t {
	*taken, *finished = 0, 0
	return fail(guard.Run("next", "", func() error {
		s, err := streams.get(uint64(stream))
		if err != nil {
			return err
		}
		got, end, err := s.Next(int64(capacity), int64(wanted), time.Duration(timeoutMs)*time.Millisecond)
		out := column(items, int64(capacity))
		for i, item := range got {
			out[i] = newItem(item)
		}
		*taken = C.int64_t(len(got))
		if end {
			*finished = 1
		}
		return err
	}), failure)
}

func newItem(item fetch.Item) C.s3d_item {
	out := C.s3d_item{index: C.int64_t(item.Index), size: C.int64_t(item.Size), micros: C.int32_t(min(item.Took.Microseconds(), math.MaxInt32))}
	text := item.Text
	if item.Err != nil {
		out.code = C.int32_t(item.Err.Code)
		text = item.Err.JSON()
	}
	if len(item.Data) > 0 {
		out.data = (*C.uint8_t)(unsafe.Pointer(&item.Data[0]))
		out.len = C.int64_t(len(item.Data))
	}
	if item.Buffer != nil {
		out.buffer = C.s3d_buffer(held.add(item.Buffer))
	}
	if len(text) > 0 {
		t := newText(text)
		out.text, out.text_len = t.ptr, t.len
	}
	return out
}

//export s3d_stream_event_fd
func s3d_stream_event_fd(stream C.s3d_stream) C.int32_t {
	s, err := streams.get(uint64(stream))
	if err != nil {
		return -1
	}
	return C.int32_t(s.EventFD())
}

//export s3d_stream_moved
func s3d_stream_moved(stream C.s3d_stream) C.int64_t {
	s, err := streams.get(uint64(stream))
	if err != nil {
		return 0
	}
	return C.int64_t(s.Moved())
}

//export s3d_stream_cancel
func s3d_stream_cancel(stream C.s3d_stream) {
	if s, err := streams.get(uint64(stream)); err == nil {
		s.Cancel()
	}
}

//export s3d_stream_drained
func s3d_stream_drained(stream C.s3d_stream, timeoutMs C.int32_t) C.int32_t {
	s, err := streams.get(uint64(stream))
	if err != nil || s.Drained(time.Duration(timeoutMs)*time.Millisecond) {
		return 1
	}
	return 0
}

// The handle stays known until nothing of the caller's memory is in use, so
// that s3d_stream_drained() tells the truth about a freed stream too.
//
//export s3d_stream_free
func s3d_stream_free(stream C.s3d_stream) {
	if s, err := streams.get(uint64(stream)); err == nil {
		s.Close(func() { streams.remove(uint64(stream)) })
	}
}
