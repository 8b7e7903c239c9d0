package upload

import (
	"context"
	"log/slog"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
)

const (
	abortTimeout = 30 * time.Second // bounds the clean-up of an upload
	// grace is what parts under way get when the object is given up. A service
	// that is still busy with a part may store it after the upload was aborted.
	grace = time.Second
	// lastWords is what the commit gets then: cut off, it may publish the object
	// all the same, and nobody would know.
	lastWords = 5 * time.Second
)

// Finish completes the object, in a goroutine that goes on between the calls;
// done says whether it has ended.
func (w *Writer) Finish(timeout time.Duration) (result Result, done bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == open {
		w.state = finishing
		w.start(w.finish, nothing)
	}
	done = w.await(time.Now().Add(timeout), func() bool { return w.state != finishing && w.isIdle() })
	switch {
	case !done || w.state == finished:
		return w.result, done, nil
	}
	return Result{}, true, w.trouble()
}

func (w *Writer) finish() error {
	info, err := w.conclude()
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == finishing || w.state == aborted { // aborted too late: the object is there
		w.state = finished
		w.result = Result{Taken: w.taken, Stored: w.stored, Parts: max(w.parts, 1), ETag: info.ETag, Checksum: w.sum}
	}
	return nil
}

// conclude stores what is left and publishes the object.
func (w *Writer) conclude() (info backend.Info, err error) {
	w.turn <- struct{}{}
	defer w.end()
	if w.reserved >= 0 {
		return info, w.invalid("reserved space was not committed")
	}
	if w.encoder != nil {
		if err := w.encoder.Close(); err != nil {
			return info, err
		}
		if _, err := w.unpack(time.Time{}); err != nil {
			return info, err
		}
	}
	if w.isBeginning() { // a call that wanted it was not served in time
		if _, err := w.beginUpload(time.Time{}); err != nil {
			return info, err
		}
	}
	if !w.begun() {
		var all []byte
		if w.current != nil {
			all = w.current.Bytes()[:w.fill]
		}
		if err := w.publish(grace); err != nil {
			return info, err
		}
		return w.store.Put(w.lateCtx, w.uri, all, w.opts.attributes())
	}
	if w.fill > 0 {
		if _, err := w.sendCurrent(time.Time{}); err != nil {
			return info, err
		}
	}
	if err := w.publish(lastWords); err != nil {
		return info, err
	}
	return w.upload.Commit(w.lateCtx, w.parts)
}

// publish begins the last request, once all parts are stored, unless the writer
// is over. From then on it gets so much time where the object is given up.
func (w *Writer) publish(patience time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.await(time.Time{}, func() bool { return w.inFlight == 0 })
	w.patience = patience
	return w.failure()
}

// release gives the current part back. Needs the turn.
func (w *Writer) release() {
	if w.current != nil {
		w.current.Release()
		w.current, w.fill = nil, 0
	}
	w.reserved = -1
	w.packed.Reset()
}

// Abort gives the object up; done says whether every trace of it is removed.
// After Finish has ended it does nothing.
func (w *Writer) Abort(timeout time.Duration) (done bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.giveUp()
	return w.await(time.Now().Add(timeout), w.isIdle)
}

// Drained waits until nothing is under way any more.
func (w *Writer) Drained(timeout time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.await(time.Now().Add(timeout), w.isIdle)
}

// Close aborts the writer unless it has ended, without waiting for that; it
// calls forget once nothing is under way any more.
func (w *Writer) Close(forget func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.giveUp()
	if w.isIdle() {
		forget()
	} else {
		w.forget = forget
	}
}

func (w *Writer) giveUp() {
	if w.state == open || w.state == finishing {
		w.state = aborted
		w.stop()
		w.settle()
		w.tell()
	}
}

// stop ends what is under way.
func (w *Writer) stop() {
	w.cancel()
	switch {
	case w.patience > 0:
		time.AfterFunc(w.patience, w.stopLater)
	case w.inFlight > 0:
		time.AfterFunc(grace, w.stopLater)
	default:
		w.stopLater()
	}
}

// fail ends the writer with the first error there is. Called with mu held.
func (w *Writer) fail(err error) {
	if w.state == open || w.state == finishing {
		w.state, w.err = failed, w.named(err)
		w.stop()
		w.settle()
		w.tell()
	}
}

// over says that nothing more will be stored. Called with mu held.
func (w *Writer) over() bool { return w.state == failed || w.state == aborted }

// failure is the error of a writer that is over. Called with mu held.
func (w *Writer) failure() error {
	if w.over() {
		return w.trouble()
	}
	return nil
}

func (w *Writer) isIdle() bool {
	select {
	case <-w.idle:
		return true
	default:
		return false
	}
}

// settle begins the clean-up once the writer has ended and nothing is under
// way. Called with mu held.
func (w *Writer) settle() {
	if w.active > 0 || w.state == open || w.state == finishing || w.settled {
		return
	}
	w.settled = true
	guard.Go("put", w.uri.String(), w.cleanUp, func(error) { w.cleaned() })
}

func (w *Writer) cleanUp() {
	w.turn <- struct{}{} // a call that moves bytes ends soon
	w.release()
	w.end()
	if w.state != finished && w.upload != nil { // neither changes any more
		ctx, cancel := context.WithTimeout(context.Background(), abortTimeout)
		defer cancel()
		if err := w.upload.Abort(ctx); err != nil {
			slog.Warn("an upload could not be aborted; its parts may remain", "uri", w.uri.String(), "error", err)
		}
	}
	w.cancel()
	w.stopLater()
	w.cleaned()
}

func (w *Writer) cleaned() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.idle)
	w.after()
	if w.forget != nil {
		w.forget()
	}
	w.tell()
}
