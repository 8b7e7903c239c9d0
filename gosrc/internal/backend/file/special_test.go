package file_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func read(t *testing.T, path string) (string, error) {
	t.Helper()
	data, err := backendtest.Read(t.Context(), t, open(t), at(path), backend.Whole, "")
	return string(data), err
}

func write(t *testing.T, path, data string) {
	t.Helper()
	_, err := open(t).Put(t.Context(), at(path), []byte(data), nil)
	ok(t, err)
}

func list(t *testing.T, path string, recursive bool) (keys []string, err error) {
	t.Helper()
	err = open(t).List(t.Context(), at(path), recursive, func(page []backend.Entry) error {
		for _, e := range page {
			keys = append(keys, e.Key)
		}
		return nil
	})
	return keys, err
}

func lists(t *testing.T, path string, recursive bool, want ...string) {
	t.Helper()
	got, err := list(t, path, recursive)
	ok(t, err)
	for i := range want {
		want[i] = filepath.Dir(path+"/x") + "/" + want[i]
	}
	if len(got) != len(want) {
		t.Fatalf("listed %q, want %q", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("listed %q, want %q", got[i], want[i])
		}
	}
}

// Nothing here may hang: opening a pipe without a writer would.
func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	ok(t, unix.Mkfifo(dir+"/pipe", 0o666))
	socket, err := net.Listen("unix", dir+"/socket")
	ok(t, err)
	defer socket.Close()
	ok(t, os.Symlink("pipe", dir+"/link"))
	write(t, dir+"/regular", "data")
	lists(t, dir, true, "regular")
	lists(t, dir, false, "regular")
	for _, path := range []string{dir + "/pipe", dir + "/link", dir + "/socket", "/dev/null"} {
		store := open(t)
		_, err := store.Stat(t.Context(), at(path))
		fails(t, err, errs.Unsupported, path, "not a regular file")
		_, err = read(t, path)
		fails(t, err, errs.Unsupported, path, "not a regular file")
		_, err = list(t, path, true)
		fails(t, err, errs.Unsupported, path, "not a regular file")
		_, err = store.Put(t.Context(), at(path), []byte("data"), nil)
		fails(t, err, errs.Unsupported, path, "not a regular file")
	}
	noTemporaries(t, dir)
}

func TestLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/real/a", "a")
	write(t, dir+"/real/sub/b", "b")
	for link, to := range map[string]string{
		"file": "real/a", "dir": dir + "/real", "real/sub/up": "../..", "real/sub/here": ".", "nowhere": "gone", "self": "self",
	} {
		ok(t, os.Symlink(to, dir+"/"+link))
	}
	lists(t, dir, true, "dir/a", "dir/sub/b", "file", "real/a", "real/sub/b")
	lists(t, dir, false, "dir/", "file", "real/")
	// From here up leads to a directory that is not above, but real, below that, is the start.
	lists(t, dir+"/dir", true, "a", "sub/b", "sub/up/file")
	if got, err := read(t, dir+"/file"); got != "a" || err != nil {
		t.Errorf("through a link: %q, %v", got, err)
	}
	_, err := read(t, dir+"/nowhere")
	fails(t, err, errs.NotFound)
	_, err = read(t, dir+"/self")
	fails(t, err, errs.Invalid, "circle")
	_, err = open(t).Put(t.Context(), at(dir+"/self"), nil, nil)
	fails(t, err, errs.Invalid, "circle")
}

// A write through a link changes the file that it leads to, and keeps the link.
func TestWriteThroughLink(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/real/a", "old")
	ok(t, os.Symlink("real/a", dir+"/one"))
	ok(t, os.Symlink(dir+"/one", dir+"/two"))
	ok(t, os.Symlink("real/new", dir+"/dangling"))
	write(t, dir+"/two", "new")
	write(t, dir+"/dangling", "made")
	for path, want := range map[string]string{"real/a": "new", "one": "new", "two": "new", "real/new": "made"} {
		if got, err := read(t, dir+"/"+path); got != want || err != nil {
			t.Errorf("%s holds %q, %v: want %q", path, got, err, want)
		}
	}
	for _, link := range []string{"one", "two", "dangling"} {
		if info, err := os.Lstat(dir + "/" + link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", link, err)
		}
	}
	ok(t, open(t).Delete(t.Context(), at(dir+"/two")))
	lists(t, dir, true, "dangling", "one", "real/a", "real/new")
}

func TestModes(t *testing.T) {
	dir := t.TempDir()
	old := unix.Umask(0o027)
	defer unix.Umask(old)
	mode := func(name string) os.FileMode {
		info, err := os.Stat(dir + "/" + name)
		ok(t, err)
		return info.Mode().Perm()
	}
	write(t, dir+"/sub/new", "data")
	if f, d := mode("sub/new"), mode("sub"); f != 0o640 || d != 0o750 {
		t.Errorf("with umask 027 a file has mode %o and its directory %o", f, d)
	}
	for _, private := range []os.FileMode{0o600, 0o666} {
		ok(t, os.Chmod(dir+"/sub/new", private))
		write(t, dir+"/sub/new", "other")
		if got := mode("sub/new"); got != private {
			t.Errorf("overwriting turned mode %o into %o", private, got)
		}
	}
}

func TestPermission(t *testing.T) {
	dir := publicDir(t)
	write(t, dir+"/open/file", "data")
	write(t, dir+"/open/secret", "data")
	write(t, dir+"/closed/file", "data")
	ok(t, os.Chmod(dir+"/open/secret", 0))
	ok(t, os.Chmod(dir+"/open", 0o555))
	ok(t, os.Chmod(dir+"/closed", 0))
	defer func() { ok(t, os.Chmod(dir+"/closed", 0o755)); ok(t, os.Chmod(dir+"/open", 0o755)) }()
	backendtest.Unprivileged(t, func() {
		store := open(t)
		_, err := read(t, dir+"/open/secret")
		fails(t, err, errs.Permission, dir+"/open/secret")
		_, err = store.Stat(t.Context(), at(dir+"/closed/file"))
		fails(t, err, errs.Permission, dir+"/closed/file")
		_, err = list(t, dir, true)
		fails(t, err, errs.Permission, "file://"+dir+"/closed/")
		_, err = store.Put(t.Context(), at(dir+"/open/file"), nil, nil)
		fails(t, err, errs.Permission, dir+"/open/file")
		_, err = store.Put(t.Context(), at(dir+"/open/new/file"), nil, nil)
		fails(t, err, errs.Permission, dir+"/open/new/file")
		fails(t, store.Delete(t.Context(), at(dir+"/open/file")), errs.Permission, dir+"/open/file")
		fails(t, store.Mkdir(t.Context(), at(dir+"/open/new")), errs.Permission, dir+"/open/new")
	})
	lists(t, dir+"/open", true, "file", "secret")
}
