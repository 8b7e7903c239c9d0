package main

/*
#include "s3dlio.h"
*/
import "C"

import (
	"runtime"

	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
)

// held are the buffers that the caller owns a reference of.
var held = newTable[*buffers.Buffer]("buffer")

//export s3d_buffer_release
func s3d_buffer_release(buffer C.s3d_buffer) {
	if b, ok := held.remove(uint64(buffer)); ok {
		b.Release()
	}
}

//export s3d_memory_stats
func s3d_memory_stats() C.s3d_text {
	return textJSON(map[string]any{
		"buffers": buffers.Default.Stats(), "held": held.len(), "streams": streams.len(),
		"writers": writers.len(), "clients": clients.len(), "goroutines": runtime.NumGoroutine(),
	})
}
