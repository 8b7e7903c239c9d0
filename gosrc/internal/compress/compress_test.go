package compress

import (
	"bytes"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func expand(t *testing.T, name string, packed io.Reader) []byte {
	t.Helper()
	var r io.Reader
	var err error
	switch name {
	case "zstd":
		var d *zstd.Decoder
		d, err = zstd.NewReader(packed)
		defer d.Close()
		r = d
	case "gzip":
		r, err = gzip.NewReader(packed)
	case "lz4":
		r = lz4.NewReader(packed)
	}
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sample is half text that repeats and half noise.
func sample(n int) []byte {
	data := bytes.Repeat([]byte("step 1200 loss 0.125\n"), n/21+1)[:n]
	random := rand.New(rand.NewPCG(1, 2))
	for i := n / 2; i < n; i++ {
		data[i] = byte(random.Uint32())
	}
	return data
}

func TestWhatIsCompressedComesBack(t *testing.T) {
	for name, a := range algorithms {
		for _, level := range []int{Usual, a.least, a.most} {
			for _, size := range []int{0, 1, 3_000_001} {
				var packed bytes.Buffer
				w, err := New(name, level, &packed)
				if err != nil {
					t.Fatal(err)
				}
				data := sample(size)
				before := runtime.NumGoroutine()
				for piece := range slices.Chunk(data, 70_001) {
					if _, err := w.Write(piece); err != nil {
						t.Fatal(err)
					}
				}
				if after := runtime.NumGoroutine(); after > before {
					t.Errorf("%s: %d goroutines were started", name, after-before)
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				if size > 1000 && packed.Len() > size*2/3 {
					t.Errorf("%s level %d makes %d bytes of %d", name, level, packed.Len(), size)
				}
				if got := expand(t, name, &packed); !bytes.Equal(got, data) {
					t.Errorf("%s level %d: %d bytes came back of %d", name, level, len(got), size)
				}
			}
		}
	}
}

func TestWhatIsNotKnownIsRefused(t *testing.T) {
	for name, level := range map[string]int{"zip": Usual, "zstd": 23, "gzip": 0, "lz4": 10, "": 1} {
		if _, err := New(name, level, io.Discard); errs.CodeOf(err) != errs.Invalid {
			t.Errorf("%q at level %d: %v", name, level, err)
		}
	}
}
