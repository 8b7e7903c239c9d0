package file_test

import (
	"os"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func TestADirectoryGoesWithTheLeftoversOfTheDead(t *testing.T) {
	dir := t.TempDir() + "/d"
	store := open(t)
	ok(t, os.MkdirAll(dir, 0o777))
	for _, name := range []string{".s3dlio-tmp-1", ".s3dlio-tmp-2"} {
		ok(t, os.WriteFile(dir+"/"+name, []byte("part of something"), 0o666))
	}
	ok(t, store.Delete(t.Context(), at(dir)))
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestADirectoryStaysWithAnythingElse(t *testing.T) {
	dir := t.TempDir()
	store := open(t)
	ok(t, os.WriteFile(dir+"/.s3dlio-tmp-1", nil, 0o666))
	ok(t, os.WriteFile(dir+"/data", nil, 0o666))
	fails(t, store.Delete(t.Context(), at(dir)), errs.IsDirectory, "not empty")
	if _, err := os.Stat(dir + "/.s3dlio-tmp-1"); err != nil {
		t.Error("nothing is removed where the directory stays:", err)
	}
}

func TestADirectoryStaysWhileAFileIsWrittenThere(t *testing.T) {
	dir := t.TempDir() + "/d"
	store := open(t)
	up, err := store.Create(t.Context(), at(dir+"/x"), nil)
	ok(t, err)
	up.PartSize(1 << 20)
	ok(t, up.WritePart(t.Context(), 0, []byte("data")))
	fails(t, store.Delete(t.Context(), at(dir)), errs.IsDirectory, "not empty")
	_, err = up.Commit(t.Context(), 1)
	ok(t, err)
	lists(t, dir, false, "x")
	ok(t, store.Delete(t.Context(), at(dir+"/x")))
	ok(t, store.Delete(t.Context(), at(dir)))
}
