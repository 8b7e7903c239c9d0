package s3_test

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

// The figure to look at is the CPU time of this process, the client, per GB:
//
//	go test -run '^$' -bench . -benchtime 3x ./gosrc/internal/backend/s3
const clients = 16

func BenchmarkGet(b *testing.B) {
	for _, server := range servers(b) {
		for _, shape := range shapes {
			b.Run(server.name+"/"+shape.name, func(b *testing.B) {
				place := fill(b, server.S3, shape.count, shape.size)
				store := connect(b, settings(server.S3))
				defer store.Close()
				pass := func() {
					each(b, shape.count, func(i int, memory []byte) error {
						body, err := store.Open(b.Context(), place(i), backend.Whole, "")
						if err != nil {
							return err
						}
						defer body.Close()
						_, err = io.ReadFull(body, memory)
						return err
					}, shape.size)
				}
				pass() // connections, page cache
				measure(b, int64(shape.count)*int64(shape.size), pass)
			})
		}
	}
}

func BenchmarkPut(b *testing.B) {
	const count, size = 500, 1 << 20
	for _, server := range servers(b) {
		b.Run(server.name, func(b *testing.B) {
			u := uri.URI{Scheme: "s3", Container: newBucket(b, server.S3)}
			store := connect(b, settings(server.S3))
			defer store.Close()
			measure(b, count*size, func() {
				each(b, count, func(i int, memory []byte) error {
					_, err := store.Put(b.Context(), u.WithKey(fmt.Sprint(i)), memory, nil)
					return err
				}, size)
			})
		})
	}
}

var shapes = []struct {
	name        string
	count, size int
}{{"4000x128KiB", 4000, 128 << 10}, {"200x8MiB", 200, 8 << 20}}

type namedServer struct {
	name string
	*testservers.S3
}

func servers(b *testing.B) []namedServer {
	return []namedServer{{"minio", testservers.SharedMinIO(b)}, {"versitygw", testservers.SharedVersityGW(b)}}
}

var filled = map[string]func(int) uri.URI{}

// fill stores objects, once, and returns their URIs by number.
func fill(b *testing.B, server *testservers.S3, count, size int) func(i int) uri.URI {
	id := fmt.Sprint(server.Endpoint, count, size)
	if place := filled[id]; place != nil {
		return place
	}
	u := uri.URI{Scheme: "s3", Container: newBucket(b, server)}
	place := func(i int) uri.URI { return u.WithKey(fmt.Sprintf("data/%06d", i)) }
	filled[id] = place
	store := connect(b, settings(server))
	defer store.Close()
	data := backendtest.Content(1, size)
	each(b, count, func(i int, _ []byte) error {
		_, err := store.Put(b.Context(), place(i), data, nil)
		return err
	}, 0)
	return place
}

// each calls f for every number below count, from several goroutines that have
// a piece of memory each.
func each(b *testing.B, count int, f func(i int, memory []byte) error, size int) {
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

func measure(b *testing.B, bytes int64, pass func()) {
	b.SetBytes(bytes)
	before := cpuTime(b)
	for b.Loop() {
		pass()
	}
	b.ReportMetric((cpuTime(b)-before)/(float64(bytes)*float64(b.N)/1e9), "cpu-s/GB")
}

// cpuTime is the user and system time of this process in seconds.
func cpuTime(b *testing.B) float64 {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}
