package testservers

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
)

// shared are the servers that all tests of a binary use together.
var shared struct {
	mu        sync.Mutex
	dir       string
	minio     *S3
	versitygw *S3
	toxiproxy *Toxiproxy
	azurite   *Azurite
	fakeGCS   *FakeGCS
	hdfs      *HDFS
	cleanups  []func()
}

// Run runs the tests of a binary and then stops the servers they shared:
//
//	func TestMain(m *testing.M) { os.Exit(testservers.Run(m)) }
func Run(m *testing.M) int {
	code := m.Run()
	for _, f := range slices.Backward(shared.cleanups) {
		f()
	}
	if err := os.RemoveAll(shared.dir); err != nil {
		fmt.Fprintln(os.Stderr, "cannot remove the data of the test servers:", err)
		return 1
	}
	return code
}

// SharedMinIO is the MinIO of the test binary, whose TestMain calls Run.
func SharedMinIO(tb testing.TB) *S3 {
	tb.Helper()
	return once(tb, &shared.minio, func(l lifetime) *S3 { return minio(l, Options{}) })
}

// SharedVersityGW is the versitygw of the test binary.
func SharedVersityGW(tb testing.TB) *S3 {
	tb.Helper()
	return once(tb, &shared.versitygw, func(l lifetime) *S3 { return versitygw(l, Options{}) })
}

// SharedToxiproxy is the toxiproxy of the test binary.
func SharedToxiproxy(tb testing.TB) *Toxiproxy {
	tb.Helper()
	return once(tb, &shared.toxiproxy, toxiproxy)
}

func once[T any](tb testing.TB, server **T, start func(lifetime) *T) *T {
	tb.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if *server == nil {
		if shared.dir == "" {
			dir, err := newDir()
			if err != nil {
				tb.Fatal(err)
			}
			shared.dir = dir
		}
		*server = start(lifetime{tb, shared.dir, func(f func()) { shared.cleanups = append(shared.cleanups, f) }})
	}
	return *server
}
