package main

/*
#include "s3dlio.h"
*/
import "C"

import (
	"unsafe"

	"github.com/s3dlio/s3dlio/gosrc/internal/datagen"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
)

var _ = [1]struct{}{}[C.S3D_GENERATE_BLOCK-datagen.Block]

//export s3d_generate
func s3d_generate(memory *C.uint8_t, length, from, size, dedup, compress C.int64_t, seed, mask C.uint64_t, failure *C.s3d_text) C.int32_t {
	return fail(guard.Run("generate", "", func() error {
		if length < 0 || from < 0 || from%C.S3D_GENERATE_BLOCK != 0 || size < from+length || dedup < 1 || compress < 1 {
			return errs.New(errs.Invalid, "generate", "", "%d bytes at %d of %d cannot be made", length, from, size)
		}
		p := datagen.Pattern{
			Size: int64(size), Dedup: int64(dedup), Compress: int64(compress), Seed: uint64(seed), Mask: uint64(mask),
		}
		return p.Fill(callerMemory(unsafe.Pointer(memory), int64(length)), int64(from))
	}), failure)
}
