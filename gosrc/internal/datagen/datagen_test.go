package datagen

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"testing"
)

const all = ^uint64(0)

func make8(t *testing.T, p Pattern) []byte {
	t.Helper()
	out := bytes.Repeat([]byte{0xAA}, int(p.Size))
	if err := p.Fill(out, 0); err != nil {
		t.Fatal(err)
	}
	return out
}

func unique(data []byte) int {
	seen := map[[32]byte]bool{}
	for from := 0; from < len(data); from += Block {
		seen[sha256.Sum256(data[from:min(from+Block, len(data))])] = true
	}
	return len(seen)
}

func deflated(t *testing.T, data []byte) int {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}

func TestRatios(t *testing.T) {
	const size = 32 * Block
	for _, c := range []struct{ dedup, compress int64 }{{1, 1}, {2, 1}, {7, 1}, {1, 2}, {1, 5}, {4, 3}, {1000, 1}} {
		data := make8(t, Pattern{Size: size, Dedup: c.dedup, Compress: c.compress, Seed: 1, Mask: all})
		if got, want := unique(data), max(1, int((32+c.dedup-1)/c.dedup)); got != want {
			t.Errorf("%+v: %d unique blocks, not %d", c, got, want)
		}
		ratio := float64(size) / float64(deflated(t, data))
		if want := float64(c.compress); ratio < want*0.93 || ratio > want*1.07 {
			t.Errorf("%+v: compressed by %.2f", c, ratio)
		}
	}
}

func TestTheSameWhateverThePieces(t *testing.T) {
	for _, size := range []int64{0, 1, 7, 4097, Block, 3*Block + 5} {
		p := Pattern{Size: size, Dedup: 2, Compress: 2, Seed: 7, Mask: all}
		whole := make8(t, p)
		pieces := make([]byte, size)
		for from := int64(0); from < size; from += Block {
			if err := p.Fill(pieces[from:min(from+Block, size)], from); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(whole, pieces) {
			t.Errorf("%d bytes differ when they are made in pieces", size)
		}
		p.Seed++
		if size > 8 && bytes.Equal(make8(t, p), whole) {
			t.Errorf("%d bytes are the same with another seed", size)
		}
	}
}

func TestMask(t *testing.T) {
	for i, b := range make8(t, Pattern{Size: Block + 3, Dedup: 1, Compress: 1, Mask: 0x0101010101010101}) {
		if b > 1 {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
}

func BenchmarkFill(b *testing.B) {
	out := make([]byte, 64<<20)
	b.SetBytes(int64(len(out)))
	for b.Loop() {
		if err := (Pattern{Size: int64(len(out)), Dedup: 1, Compress: 1, Mask: all}).Fill(out, 0); err != nil {
			b.Fatal(err)
		}
	}
}
