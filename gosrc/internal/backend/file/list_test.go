package file_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// The walk does not run ahead of the pages: it never comes to the directory
// that it could not read.
func TestListingStreams(t *testing.T) {
	dir := publicDir(t)
	for i := range 1500 {
		ok(t, os.WriteFile(fmt.Sprintf("%s/a%04d", dir, i), nil, 0o666))
	}
	ok(t, os.Mkdir(dir+"/b", 0))
	backendtest.Unprivileged(t, func() {
		enough := errors.New("enough")
		err := open(t).List(t.Context(), at(dir), true, func(page []backend.Entry) error {
			if len(page) != 1000 {
				t.Errorf("a page of %d entries", len(page))
			}
			return enough
		})
		if err != enough {
			t.Errorf("the listing returned %v", err)
		}
		keys, err := list(t, dir, true)
		fails(t, err, errs.Permission, dir+"/b/")
		if len(keys) != 1000 {
			t.Errorf("%d entries came before the failure", len(keys))
		}
	})
}

// Keys are bytes, and begin with the path as it was given.
func TestListedNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"\xff\xfe", "latin-\xe9", "new\nline", "back\\slash", ".s3dlio-tmp-0123"} {
		ok(t, os.WriteFile(dir+"/"+name, []byte(name), 0o666))
	}
	lists(t, dir, true, "back\\slash", "latin-\xe9", "new\nline", "\xff\xfe")
	if got, err := read(t, dir+"/\xff\xfe"); got != "\xff\xfe" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	for _, written := range []string{dir + "/", dir + "//", dir + "/./", strings.Replace(dir, "/", "//", 1)} {
		keys, err := list(t, written, true)
		ok(t, err)
		for _, key := range keys {
			if !strings.HasPrefix(key, written) {
				t.Errorf("%q does not begin with %q", key, written)
			}
			_, err := read(t, key)
			ok(t, err)
		}
	}
}

// A deep tree costs neither stack nor descriptors.
func TestDeepTree(t *testing.T) {
	dir := t.TempDir()
	deep := dir + strings.Repeat("/d", 1500)
	write(t, deep+"/file", "deep")
	before := descriptors(t)
	ok(t, open(t).List(t.Context(), at(dir), true, func(page []backend.Entry) error {
		if now := descriptors(t); now > before || len(page) != 1 || page[0].Key != deep+"/file" {
			t.Errorf("%d descriptors are open instead of %d, listed %v", now, before, page)
		}
		return nil
	}))
}
