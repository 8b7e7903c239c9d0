package file_test

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// A file that another program writes to while it is read is not of one version.
func TestChangeDuringRead(t *testing.T) {
	changes := map[string]func(f *os.File) error{
		"append":   func(f *os.File) error { _, err := f.WriteAt([]byte("more"), 100_000); return err },
		"in place": func(f *os.File) error { _, err := f.WriteAt([]byte("x"), 10); return err },
		"cut":      func(f *os.File) error { return f.Truncate(50_000) },
		"empty":    func(f *os.File) error { return f.Truncate(0) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir() + "/file"
			write(t, path, string(make([]byte, 100_000)))
			body, err := open(t).Open(t.Context(), at(path), backend.Whole, "")
			ok(t, err)
			defer body.Close()
			half := make([]byte, 40_000)
			_, err = io.ReadFull(body, half)
			ok(t, err)
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			ok(t, err)
			ok(t, change(f))
			ok(t, f.Close())
			n, err := io.ReadFull(body, make([]byte, 60_000)) // as the engine reads: never up to EOF
			fails(t, err, errs.Changed, path)
			if n == 60_000 {
				t.Error("all bytes were delivered all the same")
			}
		})
	}
}

// A file that is replaced by rename while it is read is read on as it was.
func TestReplaceDuringRead(t *testing.T) {
	path := t.TempDir() + "/file"
	write(t, path, "old content")
	body, err := open(t).Open(t.Context(), at(path), backend.Whole, "")
	ok(t, err)
	defer body.Close()
	write(t, path, "new")
	if got, err := io.ReadAll(body); string(got) != "old content" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestClosedReader(t *testing.T) {
	path := t.TempDir() + "/file"
	write(t, path, "data")
	body, err := open(t).Open(t.Context(), at(path), backend.Whole, "")
	ok(t, err)
	ok(t, body.Close())
	ok(t, body.Close())
	_, err = body.Read(make([]byte, 10))
	fails(t, err, errs.Closed)
	if body.Info().Size != 4 || body.Len() != 4 {
		t.Error("a closed reader forgot what it read")
	}
}

// A path through a file leads to nothing; a URI with '/' at its end asks for a directory.
func TestFileAsDirectory(t *testing.T) {
	path := t.TempDir() + "/file"
	write(t, path, "data")
	_, err := read(t, path+"/child")
	fails(t, err, errs.NotFound, "part of the path is a file")
	fails(t, open(t).Delete(t.Context(), at(path+"/child")), errs.NotFound)
	_, err = read(t, path+"/")
	fails(t, err, errs.NotDirectory)
	_, err = list(t, path+"/", true)
	fails(t, err, errs.NotDirectory)
	_, err = list(t, path+"/child", true)
	fails(t, err, errs.NotDirectory)
}

// Another file in its place is another version, however alike the two are.
func TestETagTellsFilesApart(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	for _, name := range []string{"one", "two"} {
		write(t, dir+"/"+name, name)
		ok(t, os.Chtimes(dir+"/"+name, now, now))
	}
	info, err := open(t).Stat(t.Context(), at(dir+"/one"))
	ok(t, err)
	ok(t, os.Rename(dir+"/two", dir+"/one"))
	_, err = open(t).Open(t.Context(), at(dir+"/one"), backend.Whole, info.ETag)
	fails(t, err, errs.Changed)
}
