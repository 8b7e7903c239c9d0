package main

/*
#include "s3dlio.h"
*/
import "C"

import (
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/forkgate"
)

//export s3d_fork_prepare
func s3d_fork_prepare(timeoutMs C.int32_t) C.int32_t {
	if forkgate.Pause(time.Duration(timeoutMs) * time.Millisecond) {
		return 1
	}
	return 0
}

//export s3d_fork_resume
func s3d_fork_resume() { forkgate.Resume() }
