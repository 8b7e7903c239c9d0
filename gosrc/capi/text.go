package main

/*
#include <stdlib.h>
#include "s3dlio.h"
*/
import "C"

import (
	"unsafe"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// These fail to compile where errs.Code and s3d_code differ.
var _ = [1]struct{}{}[C.S3D_CODE_COUNT-C.int(errs.Count)]
var _ = [1]struct{}{}[C.S3D_OK-C.int(errs.OK)]
var _ = [1]struct{}{}[C.S3D_ERR_INVALID-C.int(errs.Invalid)]
var _ = [1]struct{}{}[C.S3D_ERR_UNSUPPORTED-C.int(errs.Unsupported)]
var _ = [1]struct{}{}[C.S3D_ERR_NOT_FOUND-C.int(errs.NotFound)]
var _ = [1]struct{}{}[C.S3D_ERR_ALREADY_EXISTS-C.int(errs.AlreadyExists)]
var _ = [1]struct{}{}[C.S3D_ERR_PERMISSION-C.int(errs.Permission)]
var _ = [1]struct{}{}[C.S3D_ERR_CREDENTIALS-C.int(errs.Credentials)]
var _ = [1]struct{}{}[C.S3D_ERR_IS_DIRECTORY-C.int(errs.IsDirectory)]
var _ = [1]struct{}{}[C.S3D_ERR_NOT_DIRECTORY-C.int(errs.NotDirectory)]
var _ = [1]struct{}{}[C.S3D_ERR_OUT_OF_RANGE-C.int(errs.OutOfRange)]
var _ = [1]struct{}{}[C.S3D_ERR_CHANGED-C.int(errs.Changed)]
var _ = [1]struct{}{}[C.S3D_ERR_TRUNCATED-C.int(errs.Truncated)]
var _ = [1]struct{}{}[C.S3D_ERR_THROTTLED-C.int(errs.Throttled)]
var _ = [1]struct{}{}[C.S3D_ERR_TIMEOUT-C.int(errs.Timeout)]
var _ = [1]struct{}{}[C.S3D_ERR_CONNECTION-C.int(errs.Connection)]
var _ = [1]struct{}{}[C.S3D_ERR_SERVER-C.int(errs.Server)]
var _ = [1]struct{}{}[C.S3D_ERR_NO_SPACE-C.int(errs.NoSpace)]
var _ = [1]struct{}{}[C.S3D_ERR_IO-C.int(errs.IO)]
var _ = [1]struct{}{}[C.S3D_ERR_CANCELLED-C.int(errs.Cancelled)]
var _ = [1]struct{}{}[C.S3D_ERR_CLOSED-C.int(errs.Closed)]
var _ = [1]struct{}{}[C.S3D_ERR_INTERNAL-C.int(errs.Internal)]

// newText copies text into memory that s3d_text_free gives back.
func newText(text []byte) C.s3d_text {
	if len(text) == 0 {
		return C.s3d_text{}
	}
	return C.s3d_text{ptr: (*C.char)(C.CBytes(text)), len: C.int64_t(len(text))}
}

//export s3d_text_free
func s3d_text_free(text *C.char) { C.free(unsafe.Pointer(text)) }

// fail reports err through *out and returns its code; OK for nil.
func fail(err error, out *C.s3d_text) C.int32_t {
	if err == nil {
		return C.S3D_OK
	}
	e := errs.From(err, "", "")
	if out != nil {
		*out = newText(e.JSON())
	}
	return C.int32_t(e.Code)
}

// borrowed is a view of the caller's text.
func borrowed(s C.s3d_str) string {
	return unsafe.String((*byte)(unsafe.Pointer(s.ptr)), int(s.len))
}

// column is a view of n elements of the caller's memory; nil stays nil.
func column[T any](at *T, n int64) []T {
	if at == nil {
		return nil
	}
	return unsafe.Slice(at, n)
}
