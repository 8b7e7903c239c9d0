package backendtest

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// The figure of these benchmarks is the CPU time of this process, the client,
// per unit of work. The time on the clock is the server's as well.

// Gets measures reading many small and some large objects, stored below base.
func Gets(b *testing.B, store backend.Backend, base uri.URI) {
	for _, shape := range []struct {
		name        string
		count, size int
	}{{"4000x128KiB", 4000, 128 << 10}, {"100x8MiB", 100, 8 << 20}} {
		b.Run(shape.name, func(b *testing.B) {
			place := base.WithKey(base.Key + shape.name + "/")
			Fill(b, store, place, shape.count, shape.size)
			read := func(i int, memory []byte) error { return ReadInto(b, store, Numbered(place, i), backend.Whole, memory) }
			Each(b, shape.count, shape.size, read) // connections, page cache
			MeasureBytes(b, shape.count*shape.size, func() { Each(b, shape.count, shape.size, read) })
		})
	}
}

// Puts measures storing objects below base.
func Puts(b *testing.B, store backend.Backend, base uri.URI) {
	for _, size := range []int{128 << 10, 8 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			count := (256 << 20) / size
			MeasureBytes(b, count*size, func() {
				Each(b, count, size, func(i int, memory []byte) error {
					_, err := store.Put(b.Context(), Numbered(base, i%8), memory, nil)
					return err
				})
			})
		})
	}
}

// Fill stores numbered objects of size bytes below base.
func Fill(b *testing.B, store backend.Backend, base uri.URI, count, size int) {
	b.Helper()
	data := Content(1, size)
	Each(b, count, 0, func(i int, _ []byte) error {
		_, err := store.Put(b.Context(), Numbered(base, i), data, nil)
		return err
	})
}

// Numbered is the URI of an object by Fill.
func Numbered(base uri.URI, i int) uri.URI { return base.WithKey(fmt.Sprintf("%s%06d", base.Key, i)) }

// ReadInto fills memory with bytes of an object.
func ReadInto(b *testing.B, store backend.Backend, u uri.URI, r backend.Range, memory []byte) error {
	body, err := store.Open(b.Context(), u, r, "")
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.ReadFull(body, memory)
	return err
}

// Each calls f for every number below count, from 16 goroutines that have a
// piece of memory of so many bytes each.
func Each(b *testing.B, count, size int, f func(i int, memory []byte) error) {
	b.Helper()
	var all sync.WaitGroup
	var next atomic.Int64
	for range 16 {
		all.Go(func() {
			memory := make([]byte, size)
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				if err := f(i, memory); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// MeasureBytes reports what a pass over so many bytes costs.
func MeasureBytes(b *testing.B, bytes int, pass func()) {
	b.SetBytes(int64(bytes))
	Measure(b, float64(bytes)/1e9, "cpu-s/GB", pass)
}

// Measure reports what a pass over so many units costs, in seconds a unit.
func Measure(b *testing.B, units float64, name string, pass func()) {
	before := cpuTime(b)
	for b.Loop() {
		pass()
	}
	b.ReportMetric((cpuTime(b)-before)/(units*float64(b.N)), name)
}

// cpuTime is the user and system time of this process in seconds.
func cpuTime(b *testing.B) float64 {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}
