// Package guard turns panics into errors. Every goroutine of the library starts
// here or calls Run: an exported function's own recover cannot catch what
// another goroutine throws, and an uncaught panic ends the Python process.
package guard

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// Run calls fn and returns its error; a panic in it becomes an Internal error
// for op and uri, and its stack goes to the log.
func Run(op, uri string, fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("panic", "op", op, "uri", uri, "panic", p, "stack", string(debug.Stack()))
			err = errs.New(errs.Internal, op, uri, "panic: %s", fmt.Sprint(p)).
				WithHint("This is a bug in s3dlio; the log has the stack to report")
		}
	}()
	return fn()
}

// Go starts fn in a goroutine; failed receives the error of a panic.
func Go(op, uri string, fn func(), failed func(error)) {
	go func() {
		if err := Run(op, uri, func() error { fn(); return nil }); err != nil {
			failed(err)
		}
	}()
}
