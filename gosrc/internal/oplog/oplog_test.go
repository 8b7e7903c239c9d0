package oplog

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// begin starts a log in a new directory; the test ends it.
func begin(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ops.tsv.zst")
	if err := Start(path, "me"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = Finish(t.Context()) })
	return path
}

func end(t *testing.T) {
	t.Helper()
	if err := Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// rows are the lines of a log without the header; readErr is how the stream ended.
func rows(t *testing.T, path string) (out [][]string, readErr error) {
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
	text, readErr := io.ReadAll(z)
	body, ok := strings.CutPrefix(string(text), header)
	if !ok {
		t.Fatalf("the header is %.200q", text)
	}
	for line := range strings.Lines(body) {
		out = append(out, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return out, readErr
}

func named(name string) func() string { return func() string { return name } }

func TestColumns(t *testing.T) {
	path := begin(t)
	get := Begin("GET", "http://h:9000", named("/b/k"))
	put := Begin("PUT", "file://", named("/tmp/x"))
	put.Sending()
	get.FirstByte()
	get.End(1, 42, nil)
	put.End(1, 0, errors.New("broken"))
	end(t)
	got, err := rows(t, path)
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, want := range [][]string{
		{"0", "0", "GET", "me", "1", "42", "http://h:9000", "/b/k", ""},
		{"1", "1", "PUT", "me", "1", "0", "file://", "/tmp/x", "broken"},
	} {
		row := got[i]
		if len(row) != 13 || strings.Join(row[:9], "|") != strings.Join(want, "|") {
			t.Fatalf("%q", row)
		}
		start, first, last := instant(t, row[9]), instant(t, row[10]), instant(t, row[11])
		took, err := strconv.ParseInt(row[12], 10, 64)
		if err != nil || last.Sub(start) != time.Duration(took) || first.Before(start) || first.After(last) {
			t.Errorf("%q", row)
		}
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(stamp, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// What users and servers write cannot break the table, nor does it hold secrets.
func TestText(t *testing.T) {
	path := begin(t)
	Begin("GET", "s3://", named("a\tb\nc\rd\\e\xff ü?x=1")).End(1, 0,
		errors.New("GET https://user:pw@h/b?X-Amz-Signature=abc&x=1: refused\nby \"http://p/?token=t\""))
	end(t)
	got, _ := rows(t, path)
	if len(got) != 1 || got[0][7] != `a\tb\nc\rd\\e\xff ü?x=1` || got[0][8] != `GET https://h/b refused\nby "http://p/"` {
		t.Errorf("%q", got)
	}
}

// Lanes are the lowest free numbers: no two operations under way share one.
func TestLanes(t *testing.T) {
	var l lanes
	for i := range 130 {
		if got := l.enter(); got != i {
			t.Fatalf("lane %d, not %d", got, i)
		}
	}
	l.leave(65)
	l.leave(3)
	for _, want := range []int{3, 65, 130} {
		if got := l.enter(); got != want {
			t.Errorf("lane %d, not %d", got, want)
		}
	}
	if l.inside() != 131 {
		t.Error(l.inside())
	}
}

// Many writers lose nothing, although they are faster than the file.
func TestManyWriters(t *testing.T) {
	path := begin(t)
	const writers, each = 8, 5000
	long := strings.Repeat("k", 500)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				Begin("GET", "mem://", named(long)).End(1, 1, nil)
			}
		})
	}
	wg.Wait()
	end(t)
	got, err := rows(t, path)
	if err != nil || len(got) != writers*each {
		t.Fatalf("%d lines, %v", len(got), err)
	}
	for i, row := range got {
		if row[0] != strconv.Itoa(i) || len(row) != 13 {
			t.Fatalf("line %d is %q", i, row)
		}
	}
	if s := Current(); s.Active || s.Lines != writers*each || s.Dropped != 0 || s.Path != path || s.Partial != "" || s.InFlight != 0 {
		t.Errorf("%+v", s)
	}
}

// What a process that is killed has written can be read: little, and so much that it was stored before the tick.
func TestReadableBeforeTheEnd(t *testing.T) {
	for _, length := range []int{1, 2 * wakeAt} {
		path := begin(t)
		Begin("GET", "mem://", named(strings.Repeat("k", length))).End(1, 1, nil)
		deadline := time.Now().Add(20 * time.Second)
		for {
			got, err := rows(t, Current().Partial)
			if err == nil {
				t.Fatal("the stream has an end")
			}
			if len(got) == 1 && len(got[0]) == 13 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("not all was flushed")
			}
			time.Sleep(20 * time.Millisecond)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the log has its name already: %v", err)
		}
		end(t)
	}
}

func TestStatsDoNotWaitForTheEnd(t *testing.T) {
	path := begin(t)
	mu.Lock() // as a Finish does while the disk is slow
	defer mu.Unlock()
	answered := make(chan Stats, 1)
	go func() { answered <- Current() }()
	select {
	case s := <-answered:
		if !s.Active || s.Path != path {
			t.Errorf("%+v", s)
		}
	case <-time.After(20 * time.Second):
		t.Error("they wait")
	}
}

func TestStartAndFinish(t *testing.T) {
	if err := Finish(t.Context()); err != nil {
		t.Errorf("without a log: %v", err)
	}
	if Begin("GET", "", func() string { panic("not asked") }) != nil {
		t.Error("a record without a log")
	}
	path := begin(t)
	if err := Start(path, "me"); err != nil {
		t.Errorf("twice: %v", err)
	}
	if err := Start(path+"2", "me"); errs.CodeOf(err) != errs.Invalid || !strings.Contains(err.Error(), path) {
		t.Errorf("another one: %v", err)
	}
	late := Begin("GET", "mem://", named("k"))
	end(t)
	late.End(1, 1, nil)
	if s := Current(); s.Dropped != 1 || s.Lines != 0 {
		t.Errorf("%+v", s)
	}
}

func TestUnwritable(t *testing.T) {
	folder := t.TempDir()
	plain := filepath.Join(folder, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]errs.Code{
		filepath.Join(folder, "none", "ops"): errs.NotFound,
		filepath.Join(plain, "ops"):          errs.NotDirectory,
		folder:                               errs.IsDirectory,
		"/proc/1/ops":                        errs.NotFound,
	} {
		if err := Start(path, ""); errs.CodeOf(err) != want || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A disk that is full costs lines, which are counted, and never an operation.
func TestFullDisk(t *testing.T) {
	begin(t)
	f := active.Load()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.zip.Reset(full)
	deadline := time.Now().Add(20 * time.Second)
	for Current().Error == "" && time.Now().Before(deadline) {
		Begin("GET", "mem://", named(strings.Repeat("k", 1000))).End(1, 1, nil)
	}
	Begin("GET", "mem://", named("k")).End(1, 1, nil)
	if s := Current(); s.Dropped == 0 || !strings.Contains(s.Error, "no space") {
		t.Errorf("%+v", s)
	}
	if err := Finish(t.Context()); errs.CodeOf(err) != errs.NoSpace || !strings.Contains(err.Error(), f.partial) {
		t.Errorf("%v", err)
	}
}

// An older log is replaced; one that another process wrote meanwhile is not.
func TestNamesOfOthers(t *testing.T) {
	path := begin(t)
	end(t)
	for _, other := range []bool{false, true} {
		if err := Start(path, ""); err != nil {
			t.Fatal(err)
		}
		if other {
			if err := os.WriteFile(path+"2", []byte("another log"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+"2", path); err != nil {
				t.Fatal(err)
			}
		}
		end(t)
		if own := Current().Path != path; own != other {
			t.Errorf("%s", Current().Path)
		}
	}
	if text, _ := os.ReadFile(path); string(text) != "another log" {
		t.Errorf("%q", text)
	}
	if got, err := rows(t, ForProcess(path, os.Getpid())); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestForProcess(t *testing.T) {
	for path, want := range map[string]string{
		"/a/ops.tsv.zst": "/a/ops.7.tsv.zst", "run.1.csv.zst": "run.1.7.csv.zst", "x/log": "x/log.7", "a.b/.zst": "a.b/.zst.7",
	} {
		if got := ForProcess(path, 7); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func BenchmarkOff(b *testing.B) {
	for b.Loop() {
		Begin("GET", "mem://", named("k")).End(1, 1, nil)
	}
}

func BenchmarkOn(b *testing.B) {
	if err := Start(filepath.Join(b.TempDir(), "ops.tsv.zst"), "me"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		Begin("GET", "http://127.0.0.1:9000", named("/bucket/some/key/of/an/object.npy")).End(1, 1, nil)
	}
	if err := Finish(b.Context()); err != nil {
		b.Fatal(err)
	}
}
