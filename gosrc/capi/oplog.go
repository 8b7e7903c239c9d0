package main

/*
#include "s3dlio.h"
*/
import "C"

import (
	"context"
	"os"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
	"github.com/s3dlio/s3dlio/gosrc/internal/oplog"
)

//export s3d_oplog_start
func s3d_oplog_start(path, client C.s3d_str, ownName C.int32_t, failure *C.s3d_text) C.int32_t {
	name, id := string([]byte(borrowed(path))), string([]byte(borrowed(client)))
	if ownName != 0 {
		name = oplog.ForProcess(name, os.Getpid())
	}
	return fail(guard.Run("init_op_log", "", func() error { return oplog.Start(name, id) }), failure)
}

//export s3d_oplog_finish
func s3d_oplog_finish(timeout C.int32_t, failure *C.s3d_text) C.int32_t {
	return fail(guard.Run("finalize_op_log", "", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(timeout)*time.Millisecond)
		defer cancel()
		return oplog.Finish(ctx)
	}), failure)
}

//export s3d_oplog_stats
func s3d_oplog_stats() C.s3d_text { return textJSON(oplog.Current()) }
