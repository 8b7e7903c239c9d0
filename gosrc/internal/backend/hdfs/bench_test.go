package hdfs

import (
	"fmt"
	"io"
	"testing"

	"github.com/colinmarc/hdfs/v2"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
)

// BenchmarkGet reads whole objects:
//
//	go test -run '^$' -bench . -benchtime 3x ./gosrc/internal/backend/hdfs
func BenchmarkGet(b *testing.B) {
	place := base(b, testservers.SharedHDFS(b))
	s := connect(b, settings())
	defer s.Close()
	backendtest.Gets(b, s, place)
}

// BenchmarkLibrary reads the same with the library as it stands.
func BenchmarkLibrary(b *testing.B) {
	place := base(b, testservers.SharedHDFS(b))
	s := connect(b, settings())
	defer s.Close()
	plain, err := hdfs.NewClient(hdfs.ClientOptions{Addresses: []string{place.Container}, User: userName(settings())})
	if err != nil {
		b.Fatal(err)
	}
	defer plain.Close()
	for _, size := range []int{128 << 10, 8 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			count := (512 << 20) / size
			backendtest.Fill(b, s, place, count, size)
			backendtest.MeasureBytes(b, count*size, func() {
				backendtest.Each(b, count, size, func(i int, memory []byte) error {
					f, err := plain.Open(pathOf(backendtest.Numbered(place, i)))
					if err != nil {
						return err
					}
					defer f.Close()
					_, err = io.ReadFull(f, memory)
					return err
				})
			})
		})
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
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			count := min(total/size, 240)
			backendtest.MeasureBytes(b, count*size, func() {
				backendtest.Each(b, count, size, func(i int, memory []byte) error {
					return backendtest.ReadInto(b, s, u, backend.Range{Offset: int64(i * size), Length: int64(size)}, memory)
				})
			})
		})
	}
}
