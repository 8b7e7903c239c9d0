// Package main is the C side of the library, and the only cgo: it translates
// between the types of s3dlio.h and those of the engine, and does nothing else.
package main

/*
#include "s3dlio.h"
*/
import "C"

import (
	"encoding/json"
	"runtime"

	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/all"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/logging"
)

// version is set by the linker.
var version = "unknown"

func init() { logging.Setup() }

func main() {}

//export s3d_abi_version
func s3d_abi_version() C.int32_t { return C.S3D_ABI_VERSION }

//export s3d_describe
func s3d_describe() C.s3d_text {
	return textJSON(map[string]any{
		"version": version, "go": runtime.Version(), "schemes": backend.Schemes(), "capabilities": backend.AllCapabilities(),
	})
}

//export s3d_set_parallelism
func s3d_set_parallelism(threads C.int32_t) C.int32_t {
	return C.int32_t(runtime.GOMAXPROCS(int(threads)))
}

//export s3d_set_log_level
func s3d_set_log_level(level C.int32_t) { logging.SetLevel(int(level)) }

func textJSON(v any) C.s3d_text {
	text, err := json.Marshal(v)
	if err != nil { // our own types of strings and numbers: cannot happen
		panic(err)
	}
	return newText(text)
}
