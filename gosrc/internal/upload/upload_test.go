package upload

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func TestWhatIsWrittenIsStored(t *testing.T) {
	for _, size := range []int{0, 1, 99, 100, 101, 200, 1234} {
		for _, piece := range []int{1, 7, 100, 250, 5000} {
			for _, smallest := range []int64{0, 130} {
				for _, lend := range []bool{false, true} {
					f := &fake{smallest: smallest}
					w := start(t, f, Options{ContentType: "x/y"})
					data := content(size)
					writeAll(t, w, data, piece, lend)
					got := finish(t, w)
					if !bytes.Equal(f.object, data) || f.object == nil {
						t.Fatalf("%d bytes in pieces of %d, lent %v: %d are stored", size, piece, lend, len(f.object))
					}
					sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
					if got.Taken != int64(size) || got.Stored != int64(size) || got.Checksum != sum {
						t.Errorf("the result of %d bytes is %+v", size, got)
					}
					if f.attributes == nil || f.attributes.ContentType != "x/y" {
						t.Errorf("attributes %v", f.attributes)
					}
					if small := size <= 100; small != (f.puts == 1) || small == (f.created == 1) || f.aborted > 0 {
						t.Errorf("%d bytes took %d puts, %d uploads, %d aborts", size, f.puts, f.created, f.aborted)
					}
				}
			}
		}
	}
}

func TestFinishIsTheEnd(t *testing.T) {
	f := &fake{}
	w := start(t, f, Options{})
	writeAll(t, w, content(250), 50, false)
	first := finish(t, w)
	if again := finish(t, w); again != first {
		t.Errorf("%+v, then %+v", first, again)
	}
	if !w.Abort(patience) || f.object == nil || f.aborted > 0 {
		t.Error("abort after the end did something")
	}
	if _, err := w.Write([]byte("x"), patience); errs.CodeOf(err) != errs.Closed {
		t.Errorf("write after the end: %v", err)
	}
}

func TestNothingIsLeftOfWhatIsAborted(t *testing.T) {
	for _, size := range []int{0, 50, 1000} {
		f := &fake{}
		w := start(t, f, Options{})
		writeAll(t, w, content(size), 50, false)
		if !w.Abort(patience) {
			t.Fatal("not in time")
		}
		if f.object != nil || f.aborted != f.created {
			t.Errorf("%d bytes: an object %v; %d uploads, %d aborts", size, f.object != nil, f.created, f.aborted)
		}
		for _, err := range []error{second(w.Write([]byte("x"), patience)), third(w.Finish(patience))} {
			if errs.CodeOf(err) != errs.Closed || !strings.Contains(err.Error(), "fake://b/k") {
				t.Errorf("after the end: %v", err)
			}
		}
	}
}

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

func TestAnErrorOfAPartEndsTheWriter(t *testing.T) {
	full := errs.New(errs.NoSpace, "put", "fake://b/k", "full")
	f := &fake{onPart: func(_ context.Context, n int) error {
		if n == 2 {
			return full
		}
		return nil
	}}
	w := start(t, f, Options{})
	var err error
	for range 1000 {
		if _, err = w.Write(content(100), patience); err != nil {
			break
		}
	}
	if errs.CodeOf(err) != errs.NoSpace {
		t.Errorf("write: %v", err)
	}
	if _, done, err := w.Finish(patience); !done || errs.CodeOf(err) != errs.NoSpace {
		t.Errorf("finish: %v, %v", done, err)
	}
	if f.object != nil || f.aborted != 1 {
		t.Errorf("published %v, aborted %d times", f.object != nil, f.aborted)
	}
}

func TestNoOtherErrorPublishes(t *testing.T) {
	broken := errors.New("broken")
	for name, f := range map[string]*fake{
		"create": {onCreate: func(context.Context) error { return broken }},
		"commit": {onCommit: func(context.Context) error { return broken }},
		"put":    {onPut: func(context.Context) error { return broken }},
		"panic":  {onPart: func(context.Context, int) error { panic("a bug") }},
		"panics": {onCommit: func(context.Context) error { panic("a bug") }},
	} {
		w := start(t, f, Options{})
		size := 1000
		if name == "put" {
			size = 10
		}
		_, err := w.Write(content(size), patience)
		_, done, end := w.Finish(patience)
		if !done || errs.CodeOf(end) != errs.Internal || err != nil && errs.CodeOf(err) != errs.Internal {
			t.Errorf("%s: write %v, finish %v, %v", name, err, done, end)
		}
		if f.object != nil || f.aborted != f.created {
			t.Errorf("%s: published %v; %d uploads, %d aborts", name, f.object != nil, f.created, f.aborted)
		}
	}
}

func TestMemoryIsBoundedAndNoCallWaitsForLong(t *testing.T) {
	gate := make(chan struct{})
	f := &fake{onPart: hold(gate)}
	w := start(t, f, Options{MaxInFlight: 2})
	data := content(1000)
	taken, err := w.Write(data, 50*time.Millisecond)
	if err != nil || taken != 300 { // two parts under way, one full
		t.Errorf("%d bytes taken, %v", taken, err)
	}
	if _, done, err := w.Finish(time.Millisecond); done || err != nil {
		t.Errorf("finish: %v, %v", done, err)
	}
	close(gate)
	finish(t, w)
	if f.most != 2 || !bytes.Equal(f.object, data[:300]) {
		t.Errorf("%d parts at once, %d bytes", f.most, len(f.object))
	}
}

func TestBufferSizeBoundsThePartsUnderWay(t *testing.T) {
	for _, c := range []struct{ buffer, part, size, inFlight int64 }{
		{0, 1 << 20, 1 << 20, 8}, {4 << 20, 1 << 20, 1 << 20, 3}, {1 << 20, 1 << 20, 1 << 19, 1}, {1, 1 << 20, 64 << 10, 1}, {1, 100, 100, 1},
	} {
		o := Options{PartSize: c.part, MaxInFlight: 8, BufferSize: c.buffer}
		if err := o.validate(); err != nil || o.PartSize != c.size || int64(o.MaxInFlight) != c.inFlight {
			t.Errorf("%+v becomes %+v, %v", c, o, err)
		}
	}
}

func TestAbortEndsWhatIsUnderWay(t *testing.T) {
	f := &fake{onPart: hold(nil)}
	w := start(t, f, Options{MaxInFlight: 2})
	if _, err := w.Write(content(1000), 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if _, done, _ := w.Finish(time.Millisecond); done {
		t.Error("finished")
	}
	if !w.Abort(patience) || f.aborted != 1 || f.object != nil {
		t.Errorf("aborted %d times", f.aborted)
	}
}

func TestLentMemoryIsInUseUntilItsPartIsStored(t *testing.T) {
	gates := []chan struct{}{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	close(gates[2])
	f := &fake{onPart: func(_ context.Context, n int) error { <-gates[n]; return nil }}
	w := start(t, f, Options{})
	data := content(250)
	if taken, err := w.Lend(data, patience); taken != 250 || err != nil {
		t.Fatal(taken, err)
	}
	if _, _, inUse := w.Progress(); inUse != 0 {
		t.Errorf("in use from %d", inUse)
	}
	clear(data[200:]) // copied already
	close(gates[0])
	waitFor(t, func() bool { _, _, inUse := w.Progress(); return inUse == 100 })
	close(gates[1])
	waitFor(t, func() bool { _, _, inUse := w.Progress(); return inUse == 250 })
	finish(t, w)
	if !bytes.Equal(f.object, content(250)) {
		t.Error("other bytes are stored")
	}
}

func waitFor(t *testing.T, ready func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come")
		}
	}
}

func TestReservedSpaceIsPartOfThePart(t *testing.T) {
	f := &fake{}
	w := start(t, f, Options{})
	writeAll(t, w, []byte("begin "), 6, false)
	space, b, tooLong, err := w.Reserve(50, patience)
	if err != nil || tooLong || len(space) != 50 {
		t.Fatal(len(space), tooLong, err)
	}
	copy(space, "middle ")
	for _, err := range []error{second(w.Write([]byte("x"), patience)), second(w.Commit(51, patience)), second(w.Commit(-1, patience))} {
		if errs.CodeOf(err) != errs.Invalid {
			t.Errorf("while space is reserved: %v", err)
		}
	}
	if done, err := w.Commit(7, patience); !done || err != nil {
		t.Fatal(done, err)
	}
	b.Release()
	if _, _, tooLong, err := w.Reserve(88, patience); !tooLong || err != nil {
		t.Errorf("more than the part has room for: %v, %v", tooLong, err)
	}
	writeAll(t, w, []byte("end"), 3, false)
	finish(t, w)
	if string(f.object) != "begin middle end" {
		t.Errorf("%q is stored", f.object)
	}
}

func TestWhatIsReservedMustBeCommitted(t *testing.T) {
	f := &fake{}
	w := start(t, f, Options{})
	_, b, _, err := w.Reserve(5, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	if _, done, err := w.Finish(patience); !done || errs.CodeOf(err) != errs.Invalid || f.object != nil {
		t.Errorf("finish: %v, %v", done, err)
	}
}

func TestCompressedInParts(t *testing.T) {
	f := &fake{}
	w := start(t, f, Options{PartSize: 10_000, Compression: "zstd", CompressionLevel: 3})
	data := bytes.Repeat(content(1000), 3000)
	for i := range data {
		data[i] ^= byte(i * i >> 9)
	}
	writeAll(t, w, data, 400_000, true)
	got := finish(t, w)
	r, err := zstd.NewReader(bytes.NewReader(f.object))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	back, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(back, data) {
		t.Errorf("%d bytes come back of %d: %v", len(back), len(data), err)
	}
	sum := crc32.Checksum(f.object, crc32.MakeTable(crc32.Castagnoli))
	if got.Taken != int64(len(data)) || got.Stored != int64(len(f.object)) || got.Checksum != sum || got.Parts < 2 {
		t.Errorf("the result is %+v of %d, stored %d", got, len(data), len(f.object))
	}
}

func TestFlushWaitsForFullParts(t *testing.T) {
	gate := make(chan struct{})
	f := &fake{onPart: hold(gate)}
	w := start(t, f, Options{})
	writeAll(t, w, content(250), 250, false)
	if done, err := w.Flush(time.Millisecond); done || err != nil {
		t.Errorf("flush: %v, %v", done, err)
	}
	close(gate)
	if done, err := w.Flush(patience); !done || err != nil || len(f.parts) != 2 {
		t.Errorf("flush: %v, %v, %d parts", done, err, len(f.parts))
	}
	finish(t, w)
}

func TestBadOptionsAreRefused(t *testing.T) {
	for name, o := range map[string]Options{
		"part_size":      {PartSize: -1},
		"max_in_flight":  {MaxInFlight: -1},
		"buffer_size":    {BufferSize: -1},
		"content_type":   {ContentType: "a\r\nb"},
		"storage_class":  {StorageClass: "COLD\r\nx-evil: 1"},
		"metadata":       {Metadata: map[string]string{"A": "b"}},
		"metadata run":   {Metadata: map[string]string{"run": " b"}},
		"compression":    {Compression: "rar"},
		"compression_le": {Compression: "gzip", CompressionLevel: 10},
	} {
		if o.PartSize == 0 {
			o.PartSize = 1
		}
		if o.MaxInFlight == 0 {
			o.MaxInFlight = 1
		}
		_, err := New(&fake{}, start(t, &fake{}, Options{}).uri, o, nil)
		if errs.CodeOf(err) != errs.Invalid || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "fake://b/k") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
