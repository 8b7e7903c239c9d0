package file

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func TestDiagnosePlaces(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "f")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]backend.Level{
		dir: backend.Fine, plain: backend.Fine, plain + "/x": backend.Fail, dir + "/none/x": backend.Fail,
	} {
		cfg := config.Default()
		found := map[string]backend.Finding{}
		for _, f := range Diagnose(false)(t.Context(), &cfg, uri.URI{Scheme: "file", Key: path}) {
			found[f.Check] = f
		}
		if found["path"].Level != want || found["free_space"].Facts["free_bytes"].(int64) <= 0 || found["file_system"].Text == "" {
			t.Errorf("%s: %+v", path, found)
		}
		if found["o_direct"].Level == backend.Fail {
			t.Errorf("nobody asked for O_DIRECT: %+v", found["o_direct"])
		}
	}
	if got := existing(dir + "/none/x"); got != dir {
		t.Error(got)
	}
}

func TestDiagnoseWithoutDirectIO(t *testing.T) {
	for _, c := range []struct {
		needed, fallback bool
		want             backend.Level
	}{{false, false, backend.Note}, {true, true, backend.Note}, {true, false, backend.Fail}} {
		if got := directIO("/proc/version", c.needed, c.fallback); got.Level != c.want {
			t.Errorf("%+v: %+v", c, got)
		}
	}
	if got := directIO(t.TempDir(), true, false); got.Level != backend.Note {
		t.Errorf("an empty directory: %+v", got)
	}
}
