package file_test

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func TestFullFilesystem(t *testing.T) {
	backendtest.WithFilesystem(t, "tmpfs", "size=1m", func(dir string) { tooLarge(t, dir) })
}

func TestFileSizeLimit(t *testing.T) {
	var before unix.Rlimit
	ok(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &before))
	signal.Ignore(unix.SIGXFSZ) // as Python does
	defer signal.Reset(unix.SIGXFSZ)
	ok(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 20, Max: before.Max}))
	defer func() { ok(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &before)) }()
	tooLarge(t, t.TempDir())
}

// tooLarge writes what does not fit into dir: the file before stays, nothing else.
func tooLarge(t *testing.T, dir string) {
	write(t, dir+"/file", "old")
	data := make([]byte, 3<<20)
	store := open(t)
	for _, path := range []string{dir + "/file", dir + "/new/dir/file"} {
		_, err := store.Put(t.Context(), at(path), data, nil)
		fails(t, err, errs.NoSpace, path)
		up, err := store.Create(t.Context(), at(path), nil)
		ok(t, err)
		up.PartSize(1 << 20)
		fails(t, up.WritePart(t.Context(), 2, data[:1<<20]), errs.NoSpace, path)
		ok(t, up.Abort(t.Context()))
	}
	if got, err := read(t, dir+"/file"); got != "old" || err != nil {
		t.Errorf("the file before holds %q, %v", got, err)
	}
	lists(t, dir, false, "file")
	noTemporaries(t, dir)
	write(t, dir+"/file", strings.Repeat("x", 500_000)) // there is room again
}

// A write that fails late takes the directories with it that were made for it.
func TestFailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	store := open(t)
	for _, key := range []string{strings.Repeat("n", 256), "new/dir/" + strings.Repeat("n", 256)} {
		_, err := store.Put(t.Context(), at(dir+"/"+key), []byte("data"), nil)
		fails(t, err, errs.Invalid, "too long")
		up, err := store.Create(t.Context(), at(dir+"/other/"+key), nil)
		ok(t, err)
		_, err = up.Commit(t.Context(), 0)
		fails(t, err, errs.Invalid, "too long")
	}
	lists(t, dir, false)
	_, err := store.Put(t.Context(), at(dir+"/.s3dlio-tmp-mine"), nil, nil)
	fails(t, err, errs.Invalid, "reserved")
	for _, key := range []string{"dir/", "new/dir/"} {
		_, err = store.Put(t.Context(), at(dir+"/"+key), nil, nil)
		fails(t, err, errs.IsDirectory)
	}
	lists(t, dir, false)
}

// Writes that fail remove the directory that others are about to write into.
func TestConcurrentNewDirectories(t *testing.T) {
	dir := t.TempDir()
	store := open(t)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 100 {
				name := dir + "/a/b/" + string(rune('a'+w))
				if w%2 == 0 {
					name = dir + "/a/b/" + strings.Repeat("n", 256)
				}
				_, err := store.Put(t.Context(), at(name), []byte{byte(i)}, nil)
				if (err != nil) != (w%2 == 0) {
					t.Errorf("writer %d: %v", w, err)
				}
				if w%2 == 1 {
					if err := store.Delete(t.Context(), at(name)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	noTemporaries(t, dir)
}

func TestUploadMisuse(t *testing.T) {
	dir := t.TempDir()
	ctx := t.Context()
	up, err := open(t).Create(ctx, at(dir+"/file"), nil)
	ok(t, err)
	size := up.PartSize(1000)
	if again := up.PartSize(5); again != size {
		t.Errorf("the part size changed from %d to %d", size, again)
	}
	fails(t, up.WritePart(ctx, -1, nil), errs.Invalid)
	fails(t, up.WritePart(ctx, 0, make([]byte, size+1)), errs.Invalid)
	ok(t, up.WritePart(ctx, 0, make([]byte, 10)))
	ok(t, up.WritePart(ctx, 1, make([]byte, 10)))
	_, err = up.Commit(ctx, 2)
	fails(t, err, errs.Invalid, "part 0 of 2")
	gone, cancel := context.WithCancel(ctx)
	cancel()
	fails(t, up.WritePart(gone, 0, make([]byte, 20)), errs.Cancelled)
	_, err = up.Commit(ctx, 1) // part 0 may be half old, half new
	fails(t, err, errs.Invalid, "part 0 of 1")
	ok(t, up.WritePart(ctx, 0, make([]byte, 10)))
	_, err = up.Commit(ctx, 1) // part 1 is left out
	ok(t, err)
	if info, err := os.Stat(dir + "/file"); err != nil || info.Size() != 10 {
		t.Errorf("the file is %+v, %v", info, err)
	}
	fails(t, up.WritePart(ctx, 0, nil), errs.Closed)
	_, err = up.Commit(ctx, 1)
	fails(t, err, errs.Closed)
}

// An Abort waits for the parts being written: later their descriptor may be another file's.
func TestAbortDuringWrite(t *testing.T) {
	dir := t.TempDir()
	for range 20 {
		up, err := open(t).Create(t.Context(), at(dir+"/file"), nil)
		ok(t, err)
		size := up.PartSize(1 << 20)
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				if err := up.WritePart(context.Background(), i, make([]byte, size)); err != nil && errs.CodeOf(err) != errs.Closed {
					t.Error(err)
				}
			})
		}
		ok(t, up.Abort(t.Context()))
		innocent, err := os.CreateTemp(dir, "innocent")
		ok(t, err)
		all.Wait()
		if got, err := os.ReadFile(innocent.Name()); err != nil || !bytes.Equal(got, nil) {
			t.Fatalf("%d bytes were written to another file, %v", len(got), err)
		}
		ok(t, innocent.Close())
	}
	noTemporaries(t, dir)
}
