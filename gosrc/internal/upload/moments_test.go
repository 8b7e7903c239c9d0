package upload

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
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

func TestFlushStoresAlsoTheOnlyPart(t *testing.T) {
	f := &fake{}
	w := start(t, f, Options{})
	writeAll(t, w, content(100), 100, false)
	if done, err := w.Flush(patience); !done || err != nil || len(f.parts) != 1 {
		t.Errorf("flush: %v, %v, %d parts", done, err, len(f.parts))
	}
	finish(t, w)
	if !bytes.Equal(f.object, content(100)) || f.puts != 0 {
		t.Errorf("%d bytes are stored by %d puts", len(f.object), f.puts)
	}
}

func TestFlushStoresWhatTheCompressionMade(t *testing.T) {
	f := &fake{}
	w := start(t, f, Options{PartSize: 1000, Compression: "lz4"})
	noise := make([]byte, 4<<20) // a block, which comes with its last byte
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	writeAll(t, w, noise, len(noise), false)
	if done, err := w.Flush(patience); !done || err != nil {
		t.Fatalf("flush: %v, %v", done, err)
	}
	if left := w.packed.Len(); left > 0 {
		t.Errorf("%d bytes are not in parts", left)
	}
	finish(t, w)
}

func TestLessThanNothingCannotBeReserved(t *testing.T) {
	w := start(t, &fake{}, Options{})
	if _, _, _, err := w.Reserve(-1, patience); errs.CodeOf(err) != errs.Invalid {
		t.Error(err)
	}
	writeAll(t, w, content(10), 10, false)
	finish(t, w)
}

// Whatever ends a writer, and whenever: the object is there if and only if its
// end says so, no upload stays, and nothing is touched any more.
func TestWritersEndedAtAnyMoment(t *testing.T) {
	pause := func() { time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond) }
	step := func(fails int) func(context.Context) error {
		return func(ctx context.Context) error {
			pause()
			if rand.IntN(100) < fails {
				return errors.New("broken")
			}
			return ctx.Err()
		}
	}
	for round := range 150 {
		fails := round % 2 * 5
		f := &fake{
			smallest: anyOf[int64](0, 130), onCreate: step(fails), onCommit: step(fails), onPut: step(fails),
			onPart: func(ctx context.Context, _ int) error { return step(fails)(ctx) },
		}
		o := Options{MaxInFlight: 1 + round%3, Compression: anyOf("", "", "gzip"), CompressionLevel: 1}
		w := start(t, f, o)
		data, lend := content(rand.IntN(1500)), anyOf(true, false)
		var others sync.WaitGroup
		for range rand.IntN(3) {
			others.Go(func() {
				pause()
				pause()
				switch rand.IntN(3) {
				case 0:
					w.Abort(0)
				case 1:
					_, _, _ = w.Finish(0)
				case 2:
					_, _ = w.Flush(time.Millisecond)
				}
			})
		}
		for rest := data; len(rest) > 0; {
			taken, err := w.write(rest[:min(len(rest), 350)], lend, time.Duration(rand.IntN(3))*time.Millisecond)
			if rest = rest[taken:]; err != nil {
				break
			}
		}
		result, done, err := w.Finish(patience)
		others.Wait()
		if !done || !w.Drained(0) {
			t.Fatalf("round %d: not in time", round)
		}
		clear(data) // the caller's again: the detector of races would tell
		f.mu.Lock()
		if (err == nil) != (f.object != nil) || err == nil && result.Stored != int64(len(f.object)) || f.atOnce != 0 {
			t.Errorf("round %d: %v, %+v, an object of %d bytes, %d parts under way", round, err, result, len(f.object), f.atOnce)
		}
		if published := f.object != nil && f.puts == 0; f.created != f.aborted && !published || f.created == f.aborted && f.created > 0 && published {
			t.Errorf("round %d: %v; %d uploads, %d aborts, published %v", round, err, f.created, f.aborted, published)
		}
		f.mu.Unlock()
	}
}

func anyOf[T any](values ...T) T { return values[rand.IntN(len(values))] }

// Whether the object was given up too late is known, and told.
func TestAbortWhileTheObjectIsBeingPublished(t *testing.T) {
	for _, size := range []int{50, 250} {
		gate, begun := make(chan struct{}), make(chan struct{})
		publish := func(ctx context.Context) error { close(begun); return hold(gate)(ctx, 0) }
		f := &fake{onPut: publish, onCommit: publish}
		w := start(t, f, Options{})
		writeAll(t, w, content(size), size, false)
		if _, done, err := w.Finish(0); done || err != nil {
			t.Errorf("finish: %v, %v", done, err)
		}
		<-begun
		if w.Abort(0) {
			t.Error("the outcome cannot be known yet")
		}
		close(gate)
		if !w.Abort(patience) {
			t.Error("not in time")
		}
		if got := finish(t, w); f.object == nil || got.Stored != int64(size) {
			t.Errorf("%+v, an object %v", got, f.object != nil)
		}
	}
}
