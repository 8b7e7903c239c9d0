package logged

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/mem"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/oplog"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func wrapped(t testing.TB, endpoint string) backend.Backend {
	t.Helper()
	_, d, err := backend.Resolve("test", "mem://any")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	inner, err := d.New(t.Context(), &cfg, "")
	if err != nil {
		t.Fatal(err)
	}
	return New(inner, "mem", endpoint)
}

var counter atomic.Int64

func container(testing.TB) uri.URI {
	return uri.URI{Scheme: "mem", Container: fmt.Sprint("logged", counter.Add(1))}
}

func base(t testing.TB) uri.URI {
	u := container(t)
	if err := wrapped(t, "").CreateContainer(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u
}

// A log changes nothing of what a store does, on or off.
func TestConformance(t *testing.T) {
	suite := backendtest.Suite{
		New:       func(t testing.TB) backend.Backend { return wrapped(t, "") },
		Base:      base,
		Container: container,
		Large:     1 << 20,
	}
	t.Run("off", func(t *testing.T) { backendtest.Run(t, suite) })
	if err := oplog.Start(filepath.Join(t.TempDir(), "ops"), ""); err != nil {
		t.Fatal(err)
	}
	t.Run("on", func(t *testing.T) { backendtest.Run(t, suite) })
	if s := oplog.Current(); s.InFlight != 0 || s.Lines < 100 {
		t.Errorf("%+v", s)
	}
	if err := oplog.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Each operation has a line, and a read one that ends with it.
func TestLines(t *testing.T) {
	u := base(t)
	path := filepath.Join(t.TempDir(), "ops")
	if err := oplog.Start(path, ""); err != nil {
		t.Fatal(err)
	}
	s, ctx := wrapped(t, "http://h"), t.Context()
	key := u.WithKey("a/k")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Put(ctx, key, make([]byte, 10), nil)
	must(err)
	up, err := s.Create(ctx, u.WithKey("up"), nil)
	must(err)
	up.PartSize(8)
	must(up.WritePart(ctx, 0, make([]byte, 7)))
	_, err = up.Commit(ctx, 1)
	must(err)
	up, err = s.Create(ctx, u.WithKey("up"), nil)
	must(err)
	must(up.Abort(ctx))
	_, err = s.Stat(ctx, key)
	must(err)
	r, err := s.Open(ctx, key, backend.Range{Offset: 2, Length: 5}, "")
	must(err)
	_, err = io.ReadAll(r)
	must(err)
	must(r.Close())
	must(s.List(ctx, u, true, func([]backend.Entry) error { return nil }))
	stop := fmt.Errorf("enough")
	if err := s.List(ctx, u, true, func([]backend.Entry) error { return stop }); err != stop {
		t.Error(err)
	}
	if _, err := s.Open(ctx, u.WithKey("none"), backend.Whole, ""); err == nil {
		t.Error("no error")
	}
	copier := s.(backend.Copier)
	_, err = copier.Copy(ctx, key, "", u.WithKey("copy"))
	must(err)
	part, err := copier.CreateCopy(ctx, u.WithKey("copy"), nil)
	must(err)
	part.PartSize(10)
	must(part.CopyPart(ctx, 0, key, backend.Whole, ""))
	must(part.Abort(ctx))
	must(s.Delete(ctx, key))
	must(s.Mkdir(ctx, u))
	must(oplog.Finish(ctx))

	at := "/" + u.Container + "/"
	want := []string{
		"PUT 1 10 " + at + "a/k", "PUT_CREATE 1 0 " + at + "up", "PUT_PART 1 7 " + at + "up", "PUT_COMMIT 1 0 " + at + "up",
		"PUT_CREATE 1 0 " + at + "up", "PUT_ABORT 1 0 " + at + "up", "STAT 1 0 " + at + "a/k", "GET 1 5 " + at + "a/k",
		"LIST 2 0 " + at, "LIST 2 0 " + at, "GET 1 0 " + at + "none !",
		"COPY 1 0 " + at + "copy", "PUT_CREATE 1 0 " + at + "copy", "COPY_PART 1 0 " + at + "copy", "PUT_ABORT 1 0 " + at + "copy", "DELETE 1 0 " + at + "a/k", "MKDIR 1 0 " + at,
	}
	if got := lines(t, path); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func lines(t *testing.T, path string) (out []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if i == 0 {
			continue
		}
		c := strings.Split(line, "\t")
		short := strings.Join([]string{c[2], c[4], c[5], c[7]}, " ")
		if c[6] != "http://h" {
			t.Errorf("%q", line)
		}
		if c[8] != "" {
			short += " !"
		}
		out = append(out, short)
	}
	return out
}
