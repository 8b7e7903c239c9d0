package upload

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// fake is a store of one object whose every step a test can hold or fail.
type fake struct {
	backend.Backend
	smallest int64                                  // part
	onCreate func(context.Context) error            // nil: nothing special
	onPart   func(ctx context.Context, n int) error // before the part is read
	onCommit func(ctx context.Context) error        // before the object is there
	onPut    func(ctx context.Context) error        // before the object is there

	mu         sync.Mutex
	object     []byte // nil: none
	attributes *backend.Attributes
	parts      map[int][]byte
	created    int
	aborted    int
	puts       int
	atOnce     int // parts under way
	most       int // of these, ever
}

func (f *fake) Put(ctx context.Context, _ uri.URI, data []byte, a *backend.Attributes) (backend.Info, error) {
	if f.onPut != nil {
		if err := f.onPut(ctx); err != nil {
			return backend.Info{}, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.puts++
	f.object, f.attributes = append([]byte{}, data...), a
	return backend.Info{Size: int64(len(data)), ETag: "put"}, ctx.Err()
}

func (f *fake) Create(ctx context.Context, _ uri.URI, a *backend.Attributes) (backend.Upload, error) {
	if f.onCreate != nil {
		if err := f.onCreate(ctx); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.created++
	f.parts, f.attributes = map[int][]byte{}, a
	return &fakeUpload{fake: f}, nil
}

type fakeUpload struct {
	fake *fake
	size int64
}

func (u *fakeUpload) PartSize(wanted int64) int64 {
	u.size = max(wanted, u.fake.smallest)
	return u.size
}

func (u *fakeUpload) WritePart(ctx context.Context, n int, data []byte) error {
	f := u.fake
	f.mu.Lock()
	f.atOnce++
	f.most = max(f.most, f.atOnce)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.atOnce--
		f.mu.Unlock()
	}()
	if f.onPart != nil {
		if err := f.onPart(ctx, n); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.parts[n] = bytes.Clone(data)
	return ctx.Err()
}

func (u *fakeUpload) Commit(ctx context.Context, parts int) (backend.Info, error) {
	if u.fake.onCommit != nil {
		if err := u.fake.onCommit(ctx); err != nil {
			return backend.Info{}, err
		}
	}
	f := u.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	all := []byte{}
	for n := range parts {
		if n < parts-1 && int64(len(f.parts[n])) != u.size {
			return backend.Info{}, errs.New(errs.Invalid, "put", "", "part %d has %d bytes, not %d", n, len(f.parts[n]), u.size)
		}
		all = append(all, f.parts[n]...)
	}
	f.object = all
	return backend.Info{Size: int64(len(all)), ETag: "committed"}, nil
}

func (u *fakeUpload) Abort(context.Context) error {
	u.fake.mu.Lock()
	defer u.fake.mu.Unlock()
	u.fake.aborted++
	return nil
}

// hold is a step that waits until the test lets it go, or it is cancelled.
func hold(gate chan struct{}) func(context.Context, int) error {
	return func(ctx context.Context, _ int) error {
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const patience = 30 * time.Second

func start(t *testing.T, f *fake, o Options) *Writer {
	t.Helper()
	if o.PartSize == 0 {
		o.PartSize = 100
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = 3
	}
	before := buffers.Default.Stats().InUse
	over, forgotten := make(chan struct{}), make(chan struct{})
	w, err := New(f, uri.URI{Scheme: "fake", Container: "b", Key: "k"}, o, func() { close(over) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // however it went: nothing is left, and after was called once
		w.Close(func() { close(forgotten) })
		<-over
		<-forgotten
		if n := buffers.Default.Stats().InUse - before; n != 0 {
			t.Errorf("%d bytes of memory are not given back", n)
		}
	})
	return w
}

// writeAll writes data in pieces.
func writeAll(t *testing.T, w *Writer, data []byte, piece int, lend bool) {
	t.Helper()
	for len(data) > 0 {
		n := min(piece, len(data))
		if taken, err := w.write(data[:n], lend, patience); err != nil || taken != n {
			t.Fatalf("%d of %d bytes, %v", taken, n, err)
		}
		data = data[n:]
	}
}

func finish(t *testing.T, w *Writer) Result {
	t.Helper()
	result, done, err := w.Finish(patience)
	if err != nil || !done {
		t.Fatalf("done %v, %v", done, err)
	}
	return result
}

func content(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i * 7 / 5)
	}
	return data
}
