// Package datagen makes data for tests and benchmarks of storage: random, with
// as many repeated blocks and as much room for compression as asked for.
package datagen

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
)

// Block is the unit that is repeated; page the one that is compressible, so
// that each part of the data is about as compressible as the whole.
const (
	Block = 64 << 10
	page  = 4 << 10
)

// Pattern is data of Size bytes. The same pattern always is the same data.
type Pattern struct {
	Size     int64
	Dedup    int64 // one block of so many is unique, the others repeat it
	Compress int64 // one byte of so many is random, the others are zero
	Seed     uint64
	Mask     uint64 // of each 8 random bytes, little-endian: the bits that may be set
}

// Fill writes the bytes of the pattern that begin at from, a multiple of Block,
// on all processors.
func (p Pattern) Fill(out []byte, from int64) error {
	first := from / Block
	blocks := (int64(len(out)) + Block - 1) / Block
	var next atomic.Int64
	var group sync.WaitGroup
	var failed atomic.Pointer[error]
	for range min(int64(runtime.GOMAXPROCS(0)), blocks) {
		group.Add(1)
		guard.Go("generate", "", func() {
			defer group.Done()
			for i := next.Add(1) - 1; i < blocks; i = next.Add(1) - 1 {
				p.block(out[i*Block:min((i+1)*Block, int64(len(out)))], first+i)
			}
		}, func(err error) { failed.Store(&err) })
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// block writes block i, or the beginning of it.
func (p Pattern) block(out []byte, i int64) {
	blocks := (p.Size + Block - 1) / Block
	unique := max(1, (blocks+p.Dedup-1)/p.Dedup)
	from := mixed(p.Seed ^ mixed(uint64(i%unique)))
	random := rand.NewPCG(from, mixed(from))
	for len(out) > 0 {
		n := min(len(out), page)
		full := int((page + p.Compress - 1) / p.Compress)
		p.fill(out[:min(n, full)], random)
		clear(out[min(n, full):n])
		out = out[n:]
	}
}

func (p Pattern) fill(out []byte, random *rand.PCG) {
	for ; len(out) >= 8; out = out[8:] {
		binary.LittleEndian.PutUint64(out, random.Uint64()&p.Mask)
	}
	if len(out) > 0 {
		var last [8]byte
		binary.LittleEndian.PutUint64(last[:], random.Uint64()&p.Mask)
		copy(out, last[:])
	}
}

// mixed spreads the bits of x over all of the result: neighbouring blocks begin far apart.
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
