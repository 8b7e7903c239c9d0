package hdfs

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/colinmarc/hdfs/v2"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func cpu() float64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// BenchmarkRead reads objects with 16 goroutines: ours, and the library as it stands.
func BenchmarkRead(b *testing.B) {
	place := base(b, testservers.SharedHDFS(b))
	s := connect(b, settings())
	defer s.Close()
	plain, err := hdfs.NewClient(hdfs.ClientOptions{Addresses: []string{place.Container}, User: userName(settings())})
	if err != nil {
		b.Fatal(err)
	}
	defer plain.Close()
	for _, size := range []int{128 << 10, 8 << 20} {
		count := (256 << 20) / size
		data := backendtest.Content(1, size)
		var uris []uri.URI
		for i := range count {
			uris = append(uris, place.WithKey(fmt.Sprintf("%s%d/%d", place.Key, size, i)))
			if _, err := s.Put(b.Context(), uris[i], data, nil); err != nil {
				b.Fatal(err)
			}
		}
		ours := func(u uri.URI, p []byte) error {
			body, err := s.Open(b.Context(), u, backend.Whole, "")
			if err != nil {
				return err
			}
			defer body.Close()
			_, err = io.ReadFull(body, p)
			return err
		}
		theirs := func(u uri.URI, p []byte) error {
			f, err := plain.Open(pathOf(u))
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.ReadFull(f, p)
			return err
		}
		for name, read := range map[string]func(uri.URI, []byte) error{"ours": ours, "library": theirs} {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) { readAll(b, uris, size, read) })
		}
	}
}

// BenchmarkRanges reads an object of one block part by part.
func BenchmarkRanges(b *testing.B) {
	place := base(b, testservers.SharedHDFS(b))
	s := connect(b, settings())
	defer s.Close()
	const total = 120 << 20
	u := place.WithKey(place.Key + "large")
	if _, err := s.Put(b.Context(), u, backendtest.Content(1, total), nil); err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{128 << 10, 8 << 20} {
		uris := make([]uri.URI, min(total/size, 240))
		for i := range uris {
			uris[i] = u
		}
		var next atomic.Int64
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			readAll(b, uris, size, func(u uri.URI, p []byte) error {
				at := next.Add(1) % int64(len(uris)) * int64(size)
				body, err := s.Open(b.Context(), u, backend.Range{Offset: at, Length: int64(size)}, "")
				if err != nil {
					return err
				}
				defer body.Close()
				_, err = io.ReadFull(body, p)
				return err
			})
		})
	}
}

func readAll(b *testing.B, uris []uri.URI, size int, read func(uri.URI, []byte) error) {
	b.SetBytes(int64(size * len(uris)))
	begun := cpu()
	for b.Loop() {
		todo := make(chan uri.URI, len(uris))
		for _, u := range uris {
			todo <- u
		}
		close(todo)
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				p := make([]byte, size)
				for u := range todo {
					if err := read(u, p); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
	}
	b.ReportMetric((cpu()-begun)/(float64(b.N)*float64(size*len(uris))/1e9), "cpu-s/GB")
}
