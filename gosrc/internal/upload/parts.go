package upload

import (
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
)

func (w *Writer) begun() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.upload != nil
}

// isBeginning: the upload in parts is being begun, or has been.
func (w *Writer) isBeginning() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.creating
}

// beginUpload begins the upload in parts, if it has not been yet; false: not in time.
func (w *Writer) beginUpload(until time.Time) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.creating && !w.over() {
		w.creating = true
		w.start(w.create, nothing)
	}
	ready := w.await(until, func() bool { return w.upload != nil || w.over() })
	return ready && !w.over(), w.failure()
}

func (w *Writer) create() error {
	upload, err := w.store.Create(w.ctx, w.uri, w.opts.attributes())
	if err != nil {
		return err
	}
	size := upload.PartSize(w.opts.PartSize)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.upload, w.partSize = upload, size
	if size < w.opts.PartSize {
		return w.invalid("part_size %d is more than the store takes, which is %d", w.opts.PartSize, size)
	}
	return nil
}

// slot waits until another part may be under way; false: not in time.
func (w *Writer) slot(until time.Time) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	free := w.await(until, func() bool { return w.inFlight < w.opts.MaxInFlight || w.over() })
	return free && !w.over(), w.failure()
}

// send writes the next part of the object. Either it lies in memory of the
// library, whose reference it takes over, or it was lent: then it begins at the
// given byte of the stream.
func (w *Writer) send(data []byte, memory *buffers.Buffer, from int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over() { // since there was room for it: the clean-up may have begun
		if memory != nil {
			memory.Release()
		}
		return
	}
	n := w.parts
	w.parts++
	w.inFlight++
	if memory == nil {
		w.lent[n] = from
	}
	w.start(func() error {
		return w.upload.WritePart(w.lateCtx, n, data)
	}, func() {
		if memory != nil {
			memory.Release()
		}
		delete(w.lent, n)
		w.inFlight--
	})
}

// start runs f in a goroutine of the writer's, which its error, or a panic,
// fails; then done, with mu held. Called with mu held.
func (w *Writer) start(f func() error, done func()) {
	w.active++
	guard.Go("put", w.uri.String(), func() {
		err := guard.Run("put", w.uri.String(), f)
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil {
			w.fail(err)
		}
		done()
		w.active--
		w.settle()
		w.tell()
	}, func(error) {})
}

func nothing() {}
