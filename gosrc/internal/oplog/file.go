package oplog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
)

const (
	maxPending = 4 << 20         // bytes of lines that wait for the writer; then operations wait
	wakeAt     = maxPending / 16 // enough to be worth waking the writer
	flushEvery = time.Second     // what a killed process loses at most
)

// file is one log. Lines are collected in memory and written by a goroutine.
type file struct {
	path    string
	partial string // the name until it is finished
	before  fs.FileInfo
	client  string
	lanes   lanes
	out     *os.File
	zip     *zstd.Encoder
	wake    chan struct{} // there is enough to write
	stop    chan struct{} // finish was called
	written chan struct{} // closed by the writer at its end

	mu      sync.Mutex
	room    sync.Cond // pending was taken, or the log has ended
	pending []byte
	closed  bool
	lines   int64
	dropped int64
	waits   int64
	failure error
}

func create(path, client string) (*file, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, errs.New(errs.IsDirectory, "init_op_log", "", "%s is a directory", path).
			WithHint("Give the name of a file, such as ops.tsv.zst")
	}
	f := &file{
		path: path, partial: fmt.Sprintf("%s.%d.partial", path, os.Getpid()), client: client,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), written: make(chan struct{}),
	}
	f.room.L = &f.mu
	f.before, _ = os.Stat(path) // nil where there is none
	out, err := os.OpenFile(f.partial, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, unwritable(err, path)
	}
	f.out = out
	f.zip, err = zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err == nil {
		_, err = f.zip.Write([]byte(header))
	}
	if err == nil {
		err = f.zip.Flush()
	}
	if err != nil {
		_ = out.Close()
		_ = os.Remove(f.partial) // err is the failure to report
		return nil, unwritable(err, path)
	}
	guard.Go("op_log", "", f.write, f.fail)
	return f, nil
}

func unwritable(err error, path string) error {
	code := errs.IO
	switch {
	case errors.Is(err, fs.ErrNotExist):
		code = errs.NotFound
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		code = errs.Permission
	case errors.Is(err, syscall.ENOTDIR):
		code = errs.NotDirectory
	case errors.Is(err, syscall.ENOSPC):
		code = errs.NoSpace
	}
	return errs.Wrap(err, code, "init_op_log", "", "the op-log %s cannot be written", path).
		WithHint("Give a file in a directory that exists and can be written to")
}

// add takes a line up, and waits while there are too many: none is lost but
// where the file is broken or finished, and those are counted.
func (f *file) add(line []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.pending) > maxPending && !f.closed {
		f.waits++
		for len(f.pending) > maxPending && !f.closed {
			f.room.Wait()
		}
	}
	if f.closed {
		f.dropped++
		return
	}
	f.pending = append(strconv.AppendInt(f.pending, f.lines, 10), line...)
	f.lines++
	if len(f.pending) > wakeAt {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// write is the goroutine.
func (f *file) write() {
	defer close(f.written)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	var spare []byte
	unflushed := false
	for last := false; !last; {
		flush := false
		select {
		case <-f.wake:
		case <-tick.C:
			flush = true
		case <-f.stop:
			last = true
		}
		lines := f.take(spare, last)
		unflushed = unflushed || len(lines) > 0
		if err := f.store(lines, flush && unflushed); err != nil {
			f.fail(err)
			return
		}
		unflushed = unflushed && !flush
		spare = lines[:0]
	}
}

func (f *file) take(spare []byte, last bool) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	lines := f.pending
	f.pending, f.closed = spare, last
	f.room.Broadcast()
	return lines
}

func (f *file) store(lines []byte, flush bool) error {
	if _, err := f.zip.Write(lines); err != nil {
		return err
	}
	if flush {
		return f.zip.Flush()
	}
	return nil
}

// fail gives the file up: what comes is counted as dropped.
func (f *file) fail(err error) {
	f.mu.Lock()
	f.failure, f.closed = err, true
	lost := strings.Count(string(f.pending), "\n")
	f.lines, f.dropped, f.pending = f.lines-int64(lost), f.dropped+int64(lost), nil
	f.room.Broadcast()
	f.mu.Unlock()
	slog.Error("the op-log cannot be written; operations go on without it", "path", f.path, "error", err)
}

func (f *file) finish(ctx context.Context) error {
	close(f.stop)
	select {
	case <-f.written:
	case <-ctx.Done():
		return errs.New(errs.Timeout, "finalize_op_log", "", "the op-log %s is still being written", f.partial)
	}
	f.mu.Lock()
	err := f.failure
	f.mu.Unlock()
	if e := f.zip.Close(); err == nil {
		err = e
	}
	if e := f.out.Close(); err == nil {
		err = e
	}
	path := f.free()
	if err == nil {
		err = os.Rename(f.partial, path)
	}
	if err != nil {
		return errs.Wrap(err, errs.From(unwritable(err, f.path), "", "").Code, "finalize_op_log", "",
			"the op-log %s could not be written to its end", path).WithHint("What could be written is in %s", f.partial)
	}
	f.mu.Lock()
	f.path = path
	f.mu.Unlock()
	return nil
}

// free is the name that the log is to have: another process may have given
// this one to a log of its own meanwhile.
func (f *file) free() string {
	now, err := os.Stat(f.path)
	if err != nil || f.before != nil && os.SameFile(f.before, now) {
		return f.path
	}
	own := ForProcess(f.path, os.Getpid())
	slog.Warn("another process has written an op-log of the same name", "path", f.path, "written", own)
	return own
}

// ForProcess puts the number of a process into a name: ops.tsv.zst becomes
// ops.4711.tsv.zst.
func ForProcess(path string, pid int) string {
	folder, name := filepath.Split(path)
	stem, kinds := name, ""
	for _, kind := range []string{".zst", ".tsv", ".csv"} {
		if rest, ok := strings.CutSuffix(stem, kind); ok && rest != "" {
			stem, kinds = rest, kind+kinds
		}
	}
	return fmt.Sprintf("%s%s.%d%s", folder, stem, pid, kinds)
}

func (f *file) stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := Stats{Path: f.path, Lines: f.lines, Dropped: f.dropped, Waits: f.waits, InFlight: f.lanes.inside()}
	if f.failure != nil {
		s.Error = f.failure.Error()
	}
	if !f.closed {
		s.Partial = f.partial
	}
	return s
}
