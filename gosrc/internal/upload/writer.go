package upload

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/compress"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Writer writes one object. No method waits longer than the timeout it is given.
type Writer struct {
	store backend.Backend
	uri   uri.URI
	opts  Options
	after func() // called once nothing is under way any more: the store is not used again

	// turn is held by whoever moves bytes: a call of the user, or Finish's
	// goroutine. It guards what is indented below.
	turn     chan struct{}
	current  *buffers.Buffer // the part being filled; nil: none yet
	fill     int             // bytes in it
	reserved int             // bytes behind fill that the user is writing to; -1: none
	sum      uint32          // of what went into parts
	encoder  io.WriteCloser  // nil: nothing is compressed
	packed   bytes.Buffer    // what the encoder made and no part has yet

	ctx       context.Context // of what begins the upload: done as soon as the object is given up
	cancel    context.CancelFunc
	lateCtx   context.Context // of parts, and of what publishes the object: done a little later
	stopLater context.CancelFunc
	idle      chan struct{} // closed when it is over and nothing is under way

	mu       sync.Mutex
	changed  chan struct{} // closed, and made anew, with every change below
	state    state
	settled  bool   // the clean-up has begun
	err      error  // why it failed
	result   Result // once finished
	creating bool   // the upload is being begun, or has been
	upload   backend.Upload
	partSize int64         // 0 until the upload has begun
	parts    int           // handed to the store
	inFlight int           // of these, still under way
	active   int           // goroutines under way
	patience time.Duration // what the last request gets when the object is given up; 0: it has not begun
	forget   func()        // called then, or later, by Close
	lent     map[int]int64 // parts in memory of the caller: at which byte of the stream they begin
	taken    int64         // bytes accepted from the user
	stored   int64         // bytes that went into parts
}

type state int

const (
	open state = iota
	finishing
	finished
	failed
	aborted
)

// Result describes a finished object.
type Result struct {
	Taken    int64  `json:"bytes_written"`    // what was written to the Writer
	Stored   int64  `json:"compressed_bytes"` // the size of the object
	Parts    int    `json:"parts"`
	ETag     string `json:"etag"`
	Checksum uint32 `json:"checksum"` // CRC32C of the object
}

// New starts a writer of the object at u. It does no I/O. after is called once,
// when the writer is over and does not use the store any more.
func New(store backend.Backend, u uri.URI, opts Options, after func()) (*Writer, error) {
	w := &Writer{
		store: store, uri: u, opts: opts, after: after, reserved: -1,
		turn: make(chan struct{}, 1), idle: make(chan struct{}), changed: make(chan struct{}), lent: map[int]int64{},
	}
	if err := w.opts.validate(); err != nil {
		return nil, w.named(err)
	}
	if opts.Compression != "" {
		var err error
		if w.encoder, err = compress.New(opts.Compression, opts.CompressionLevel, &w.packed); err != nil {
			return nil, w.named(err)
		}
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.lateCtx, w.stopLater = context.WithCancel(context.Background())
	return w, nil
}

// Write copies as much of p as there is room for in time, and returns how much.
func (w *Writer) Write(p []byte, timeout time.Duration) (int, error) {
	return w.write(p, false, timeout)
}

// Lend is Write, but whole parts are sent from where they lie: the bytes
// accepted must stay as they are until InUse is beyond them.
func (w *Writer) Lend(p []byte, timeout time.Duration) (int, error) {
	return w.write(p, true, timeout)
}

func (w *Writer) write(p []byte, lend bool, timeout time.Duration) (taken int, err error) {
	until := time.Now().Add(timeout)
	if mine, err := w.begin(until); !mine {
		return 0, err
	}
	defer w.end()
	if w.reserved >= 0 {
		return 0, w.invalid("space is reserved: commit it before anything else is written")
	}
	for taken < len(p) && err == nil {
		var n int
		if n, err = w.accept(p[taken:], lend, until); n == 0 {
			break
		}
		taken += n
	}
	return taken, err
}

// Reserve returns space for n bytes in the current part, which Commit then
// counts as written; the buffer is a reference of the caller's. A nil buffer
// without an error: not in time, or more than the part has room for (tooLong).
func (w *Writer) Reserve(n int, timeout time.Duration) (space []byte, b *buffers.Buffer, tooLong bool, err error) {
	until := time.Now().Add(timeout)
	if mine, err := w.begin(until); !mine {
		return nil, nil, false, err
	}
	defer w.end()
	switch {
	case w.reserved >= 0:
		return nil, nil, false, w.invalid("space is reserved already: commit it first")
	case n < 0:
		return nil, nil, false, w.invalid("%d bytes cannot be reserved", n)
	}
	if w.encoder != nil {
		return nil, nil, true, nil
	}
	if ready, err := w.room(until); !ready {
		return nil, nil, false, err
	}
	if n > len(w.current.Bytes())-w.fill {
		return nil, nil, true, nil
	}
	w.reserved = n
	w.current.Retain()
	return w.current.Bytes()[w.fill : w.fill+n : w.fill+n], w.current, false, nil
}

// Commit takes the first n bytes of the reserved space.
func (w *Writer) Commit(n int, timeout time.Duration) (done bool, err error) {
	until := time.Now().Add(timeout)
	if mine, err := w.begin(until); !mine {
		return false, err
	}
	defer w.end()
	switch {
	case w.reserved < 0:
		return false, w.invalid("nothing is reserved")
	case n < 0 || n > w.reserved:
		return false, w.invalid("%d bytes are reserved: %d cannot be committed", w.reserved, n)
	}
	w.reserved = -1
	w.filled(n)
	w.count(n)
	_, err = w.sendIfFull(time.Now()) // without waiting: the next call does, where it must
	return true, err
}

// Flush waits until every part that is full is stored. What does not fill a
// part stays: only the last part of an object may be short.
func (w *Writer) Flush(timeout time.Duration) (done bool, err error) {
	until := time.Now().Add(timeout)
	if mine, err := w.begin(until); !mine {
		return false, err
	}
	defer w.end()
	if ready, err := w.unpack(until); !ready {
		return false, err
	}
	if w.isFull() {
		if ready, err := w.beginUpload(until); !ready {
			return false, err
		}
	}
	if sent, err := w.sendIfFull(until); !sent {
		return false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	done = w.await(until, func() bool { return w.inFlight == 0 || w.state != open })
	return done, w.trouble()
}

// Progress is how many bytes were accepted, how many went into parts, and the
// byte of the stream from which on memory of the caller may be in use.
func (w *Writer) Progress() (taken, stored, inUse int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	inUse = w.taken
	for _, from := range w.lent {
		inUse = min(inUse, from)
	}
	return w.taken, w.stored, inUse
}

// begin takes the turn: not mine without an error means that it was not free in time.
func (w *Writer) begin(until time.Time) (mine bool, err error) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case w.turn <- struct{}{}:
	case <-timer.C:
		w.mu.Lock()
		defer w.mu.Unlock()
		return false, w.trouble()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.trouble(); err != nil {
		w.end()
		return false, err
	}
	return true, nil
}

func (w *Writer) end() { <-w.turn }

// trouble is why nothing can be written. Called with mu held.
func (w *Writer) trouble() error {
	switch w.state {
	case failed:
		return w.err
	case aborted:
		return errs.New(errs.Closed, "put", w.uri.String(), "the writer was aborted: nothing was stored").WithHint("Make a new one")
	case finishing, finished:
		return errs.New(errs.Closed, "put", w.uri.String(), "the writer is closed: the object is complete").WithHint("Make a new one")
	}
	return nil
}

func (w *Writer) invalid(format string, args ...any) error {
	return errs.New(errs.Invalid, "put", w.uri.String(), format, args...)
}

// named says in an error what it is about, where it does not say so itself.
func (w *Writer) named(err error) error {
	e := *errs.From(err, "put", w.uri.String())
	if e.Op == "" {
		e.Op = "put"
	}
	if e.URI == "" {
		e.URI = w.uri.String()
	}
	return &e
}

// await waits for ready, or until the given time (zero: for ever); it says which.
// Called with mu held, which it lets go of meanwhile.
func (w *Writer) await(until time.Time, ready func() bool) bool {
	var late <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		late = timer.C
	}
	for !ready() {
		changed := w.changed
		w.mu.Unlock()
		select {
		case <-changed:
			w.mu.Lock()
		case <-late:
			w.mu.Lock()
			return ready()
		}
	}
	return true
}

// tell wakes whoever awaits something. Called with mu held.
func (w *Writer) tell() {
	close(w.changed)
	w.changed = make(chan struct{})
}
