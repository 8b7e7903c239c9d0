package file_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	ok(t, err)
	return len(open)
}

// noTemporaries checks that no write left its temporary file below dir.
func noTemporaries(t testing.TB, dir string) {
	ok(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, ".s3dlio-tmp-") {
			t.Errorf("%s was left behind", path)
		}
		return err
	}))
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fails(t *testing.T, err error, code errs.Code, texts ...string) {
	t.Helper()
	var e *errs.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v, want an error of code %v", err, code)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the text lacks %q: %v", text, err)
		}
	}
}
