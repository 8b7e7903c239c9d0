package upload

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// Each of these is a moment between two steps that a program seldom meets.

func TestCommitDoesNotWaitForPartsUnderWay(t *testing.T) {
	gate := make(chan struct{})
	f := &fake{onPart: hold(gate)}
	w := start(t, f, Options{MaxInFlight: 1})
	data := content(200)
	writeAll(t, w, data[:150], 150, false) // one part under way, half of the next
	space, b, _, err := w.Reserve(50, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	copy(space, data[150:])
	late := time.AfterFunc(patience, func() { close(gate) })
	if done, err := w.Commit(50, time.Millisecond); !done || err != nil {
		t.Errorf("commit: %v, %v", done, err)
	}
	if !late.Stop() {
		t.Fatal("it waited for the part")
	}
	close(gate)
	finish(t, w)
	if !bytes.Equal(f.object, data) {
		t.Errorf("%d bytes are stored", len(f.object))
	}
}

func TestFinishWhileTheUploadIsBeingBegun(t *testing.T) {
	gate := make(chan struct{})
	f := &fake{onCreate: func(ctx context.Context) error { return hold(gate)(ctx, 0) }}
	w := start(t, f, Options{})
	if taken, err := w.Write(content(150), time.Millisecond); taken != 100 || err != nil {
		t.Fatal(taken, err)
	}
	if _, done, err := w.Finish(10 * time.Millisecond); done || err != nil {
		t.Errorf("finish: %v, %v", done, err)
	}
	close(gate)
	finish(t, w)
	if !bytes.Equal(f.object, content(100)) || f.puts != 0 || f.created != 1 {
		t.Errorf("%d bytes are stored by %d puts and %d uploads", len(f.object), f.puts, f.created)
	}
}

func TestNoPartIsSentOnceTheWriterIsOver(t *testing.T) {
	for _, lend := range []bool{false, true} {
		f := &fake{onPart: func(context.Context, int) error { t.Error("a part is sent"); return nil }}
		w := start(t, f, Options{})
		until := time.Now().Add(patience)
		if mine, err := w.begin(until); !mine {
			t.Fatal(err)
		}
		if ready, err := w.beginUpload(until); !ready {
			t.Fatal(err)
		}
		if free, err := w.slot(until); !free {
			t.Fatal(err)
		}
		if w.Abort(0) {
			t.Error("over while a call moves bytes")
		}
		if lend {
			w.send(content(100), nil, 0)
		} else if part, err := w.newPart(); err == nil {
			w.send(part.Bytes(), part, -1)
		}
		w.end()
		if !w.Abort(patience) || f.aborted != 1 {
			t.Errorf("%d aborts", f.aborted)
		}
	}
}

func TestLessThanNothingCannotBeReserved(t *testing.T) {
	w := start(t, &fake{}, Options{})
	if _, _, _, err := w.Reserve(-1, patience); errs.CodeOf(err) != errs.Invalid {
		t.Error(err)
	}
	writeAll(t, w, content(10), 10, false)
	finish(t, w)
}
