// Package oplog writes a line for every operation at a store, while that is
// asked for: a zstd-compressed table whose columns are those of warp and other
// storage benchmarks. docs/guide/op-log.md is its description for users.
//
// Operations are written down where they meet an endpoint, so each attempt has
// a line of its own. While no log is on they cost one atomic load.
package oplog

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

var (
	active atomic.Pointer[file] // nil: no log is on
	last   atomic.Pointer[file] // the log that is on, or the one that was

	mu sync.Mutex // held by what begins or ends a log
)

// Start begins the log of this process at path, which gets its name when the
// log is finished. The same path again is no failure, another one is Invalid.
func Start(path, client string) error {
	mu.Lock()
	defer mu.Unlock()
	if on := active.Load(); on != nil {
		if on.path == path {
			return nil
		}
		return errs.New(errs.Invalid, "init_op_log", "", "operations are being logged to %s already", on.path).
			WithHint("Call finalize_op_log() first")
	}
	f, err := create(path, client)
	if err != nil {
		return err
	}
	last.Store(f)
	active.Store(f)
	return nil
}

// Finish ends the log: it has its name when this returns. Operations under way
// are not in it. Without a log it does nothing.
func Finish(ctx context.Context) error {
	mu.Lock()
	defer mu.Unlock()
	f := active.Swap(nil)
	if f == nil {
		return nil
	}
	return f.finish(ctx)
}

// Stats is what became of the operations.
type Stats struct {
	Active   bool   `json:"active"`
	Path     string `json:"path"`              // where the log is, or will be
	Partial  string `json:"partial,omitempty"` // where it is while it is being written
	Lines    int64  `json:"lines"`             // operations taken up
	Dropped  int64  `json:"dropped"`           // not taken up, as the file could not be written or was finished
	Waits    int64  `json:"waits"`             // how often an operation had to wait for the file
	InFlight int    `json:"in_flight"`         // operations begun and not ended
	Error    string `json:"error,omitempty"`   // why the file could not be written
}

// Current tells of the log that is on, else of the last one. It waits for
// neither, however slow the disk is.
func Current() Stats {
	f := last.Load()
	if f == nil {
		return Stats{}
	}
	s := f.stats()
	s.Active = active.Load() == f
	return s
}

// Record is an operation under way. A nil one is not logged.
type Record struct {
	file      *file
	op        string
	endpoint  string
	object    string
	lane      int
	start     time.Time
	payload   bool          // some has moved
	firstByte time.Duration // when, since start
}

// Begin starts the record of an operation; nil where no log is on. object
// names what it works on, and is only asked then.
func Begin(op, endpoint string, object func() string) *Record {
	f := active.Load()
	if f == nil {
		return nil
	}
	return &Record{file: f, op: op, endpoint: endpoint, object: object(), lane: f.lanes.enter(), start: time.Now()}
}

// FirstByte notes that payload has begun to arrive.
func (r *Record) FirstByte() {
	if r != nil && !r.payload {
		r.payload, r.firstByte = true, time.Since(r.start)
	}
}

// Sending notes that payload leaves from the start on.
func (r *Record) Sending() {
	if r != nil {
		r.payload = true
	}
}

// End writes the record down. It waits while the file cannot keep up.
func (r *Record) End(objects, bytes int64, err error) {
	if r == nil {
		return
	}
	took := time.Since(r.start)
	r.file.lanes.leave(r.lane)
	r.file.add(r.line(objects, bytes, took, err))
}
