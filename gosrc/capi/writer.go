package main

/*
#include "s3dlio.h"
*/
import "C"

import (
	"encoding/json"
	"time"
	"unsafe"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
	"github.com/s3dlio/s3dlio/gosrc/internal/upload"
)

var writers = newTable[*upload.Writer]("writer")

// withWriter runs f on a writer; a panic in it is an error.
func withWriter(writer C.s3d_writer, failure *C.s3d_text, f func(*upload.Writer) error) C.int32_t {
	return fail(guard.Run("put", "", func() error {
		w, err := writers.get(uint64(writer))
		if err != nil {
			return err
		}
		return f(w)
	}), failure)
}

//export s3d_writer_open
func s3d_writer_open(client C.s3d_client, uri, options C.s3d_str, writer *C.s3d_writer, failure *C.s3d_text) C.int32_t {
	text := string([]byte(borrowed(uri)))
	return fail(guard.Run("put", text, func() error {
		c, err := clients.get(uint64(client))
		if err != nil {
			return err
		}
		var opts upload.Options
		if err := json.Unmarshal([]byte(borrowed(options)), &opts); err != nil {
			return errs.Wrap(err, errs.Invalid, "put", text, "malformed options of a writer")
		}
		w, err := c.Create(text, opts)
		if err == nil {
			*writer = C.s3d_writer(writers.add(w))
		}
		return err
	}), failure)
}

//export s3d_writer_write
func s3d_writer_write(writer C.s3d_writer, data unsafe.Pointer, length C.int64_t, lend, timeoutMs C.int32_t,
	taken *C.int64_t, failure *C.s3d_text,
) C.int32_t {
	return withWriter(writer, failure, func(w *upload.Writer) error {
		write := w.Write
		if lend != 0 {
			write = w.Lend
		}
		n, err := write(callerMemory(data, int64(length)), milliseconds(timeoutMs))
		*taken = C.int64_t(n)
		return err
	})
}

//export s3d_writer_reserve
func s3d_writer_reserve(writer C.s3d_writer, length C.int64_t, timeoutMs C.int32_t, item *C.s3d_item,
	done *C.int32_t, failure *C.s3d_text,
) C.int32_t {
	*item = C.s3d_item{}
	return withWriter(writer, failure, func(w *upload.Writer) error {
		space, buffer, tooLong, err := w.Reserve(int(length), milliseconds(timeoutMs))
		*done = flag(buffer != nil)
		if tooLong {
			*done = -1
		}
		if buffer != nil {
			item.data = (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(space)))
			item.len = C.int64_t(len(space))
			item.buffer = C.s3d_buffer(held.add(buffer))
		}
		return err
	})
}

//export s3d_writer_commit
func s3d_writer_commit(writer C.s3d_writer, length C.int64_t, timeoutMs C.int32_t, done *C.int32_t, failure *C.s3d_text) C.int32_t {
	return withWriter(writer, failure, func(w *upload.Writer) error {
		ready, err := w.Commit(int(length), milliseconds(timeoutMs))
		*done = flag(ready)
		return err
	})
}

//export s3d_writer_flush
func s3d_writer_flush(writer C.s3d_writer, timeoutMs C.int32_t, done *C.int32_t, failure *C.s3d_text) C.int32_t {
	return withWriter(writer, failure, func(w *upload.Writer) error {
		ready, err := w.Flush(milliseconds(timeoutMs))
		*done = flag(ready)
		return err
	})
}

//export s3d_writer_finish
func s3d_writer_finish(writer C.s3d_writer, timeoutMs C.int32_t, result *C.s3d_text, done *C.int32_t, failure *C.s3d_text) C.int32_t {
	return withWriter(writer, failure, func(w *upload.Writer) error {
		r, ready, err := w.Finish(milliseconds(timeoutMs))
		*done = flag(ready)
		if ready && err == nil {
			*result = textJSON(r)
		}
		return err
	})
}

//export s3d_writer_abort
func s3d_writer_abort(writer C.s3d_writer, timeoutMs C.int32_t) C.int32_t {
	w, err := writers.get(uint64(writer))
	return flag(err != nil || w.Abort(milliseconds(timeoutMs)))
}

//export s3d_writer_state
func s3d_writer_state(writer C.s3d_writer, progress *C.s3d_writer_progress) C.int32_t {
	return withWriter(writer, nil, func(w *upload.Writer) error {
		taken, stored, inUse := w.Progress()
		*progress = C.s3d_writer_progress{taken: C.int64_t(taken), stored: C.int64_t(stored), in_use: C.int64_t(inUse)}
		return nil
	})
}

//export s3d_writer_drained
func s3d_writer_drained(writer C.s3d_writer, timeoutMs C.int32_t) C.int32_t {
	w, err := writers.get(uint64(writer))
	return flag(err != nil || w.Drained(milliseconds(timeoutMs)))
}

// The handle stays known until nothing of the caller's memory is in use, so
// that s3d_writer_drained() tells the truth about a freed writer too.
//
//export s3d_writer_free
func s3d_writer_free(writer C.s3d_writer) {
	if w, err := writers.get(uint64(writer)); err == nil {
		w.Close(func() { writers.remove(uint64(writer)) })
	}
}

//export s3d_crc32c
func s3d_crc32c(sum C.uint32_t, data unsafe.Pointer, length C.int64_t) C.uint32_t {
	return C.uint32_t(upload.Checksum(uint32(sum), callerMemory(data, int64(length))))
}

func milliseconds(n C.int32_t) time.Duration { return time.Duration(n) * time.Millisecond }

func flag(set bool) C.int32_t {
	if set {
		return 1
	}
	return 0
}
