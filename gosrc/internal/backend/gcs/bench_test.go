package gcs_test

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// The figure to look at is the CPU time of this process, the client, per GB or key:
//
//	go test -run '^$' -bench . -benchtime 3x ./gosrc/internal/backend/gcs
const clients = 16

func BenchmarkGet(b *testing.B) {
	for _, shape := range []struct {
		name        string
		count, size int
	}{{"4000x128KiB", 4000, 128 << 10}, {"100x8MiB", 100, 8 << 20}} {
		b.Run(shape.name, func(b *testing.B) {
			store, u := fill(b, shape.count, shape.size)
			pass := func() {
				each(b, shape.count, shape.size, func(i int, memory []byte) error {
					body, err := store.Open(b.Context(), u(i), backend.Whole, "")
					if err != nil {
						return err
					}
					defer body.Close()
					_, err = io.ReadFull(body, memory)
					return err
				})
			}
			pass() // connections
			measure(b, float64(shape.count)*float64(shape.size)/1e9, "cpu-s/GB", pass)
		})
	}
}

func BenchmarkPut(b *testing.B) {
	for _, size := range []int{128 << 10, 8 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			store, u := fill(b, 0, size)
			count := (256 << 20) / size
			measure(b, float64(count)*float64(size)/1e9, "cpu-s/GB", func() {
				each(b, count, size, func(i int, memory []byte) error {
					_, err := store.Put(b.Context(), u(i%8), memory, nil)
					return err
				})
			})
		})
	}
}

func BenchmarkList(b *testing.B) {
	const count = 5000
	store, u := fill(b, count, 1)
	measure(b, count/1e6, "cpu-us/key", func() {
		got := 0
		err := store.List(b.Context(), u(0).WithKey(""), true, func(entries []backend.Entry) error {
			got += len(entries)
			return nil
		})
		if err != nil || got != count {
			b.Fatalf("%d keys, %v", got, err)
		}
	})
}

// fill stores objects and returns their URIs by number.
func fill(b *testing.B, count, size int) (backend.Backend, func(i int) uri.URI) {
	server := testservers.SharedFakeGCS(b)
	store := connect(b, settings(server))
	b.Cleanup(func() { store.Close() })
	u := uri.URI{Scheme: "gs", Container: newBucket(b, server)}
	place := func(i int) uri.URI { return u.WithKey(fmt.Sprintf("data/%06d", i)) }
	data := backendtest.Content(1, size)
	each(b, count, 0, func(i int, _ []byte) error {
		_, err := store.Put(b.Context(), place(i), data, nil)
		return err
	})
	return store, place
}

// each calls f for every number below count, from several goroutines that have
// a piece of memory each.
func each(b *testing.B, count, size int, f func(i int, memory []byte) error) {
	var all sync.WaitGroup
	var next atomic.Int64
	for range clients {
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

// measure reports the CPU time of this process for each of units.
func measure(b *testing.B, units float64, name string, pass func()) {
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
