package hdfs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/colinmarc/hdfs/v2"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Bytes that changed on the disk of the datanode are not delivered, of which
// the library says nothing by itself.
func TestRottenBlock(t *testing.T) {
	server := testservers.SharedHDFS(t)
	s := connect(t, settings())
	defer s.Close()
	u := base(t, server)
	u.Key += "rotten"
	data := backendtest.Content(1, 1_000_000)
	before := server.Blocks(t)
	if _, err := s.Put(t.Context(), u, data, nil); err != nil {
		t.Fatal(err)
	}
	blocks := slices.DeleteFunc(server.Blocks(t), func(file string) bool { return slices.Contains(before, file) })
	if len(blocks) != 1 {
		t.Fatalf("%d blocks: %v", len(blocks), blocks)
	}
	const at = 700_000
	spoil(t, blocks[0], at)
	body, err := s.Open(t.Context(), u, backend.Whole, "")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if errs.CodeOf(err) != errs.Server || len(got) > at || !bytes.Equal(got, data[:len(got)]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := os.Remove(blocks[0]); err != nil {
		t.Fatal(err)
	}
	var failed *session
	err = s.do(t.Context(), "get", u, func(ses *session) error {
		failed = ses
		_, err := ses.open(u, backend.Whole, "")
		return err
	})
	if errs.CodeOf(err) != errs.Server || failed.healthy() {
		t.Errorf("%v; the session would be used again, with all that it keeps: %v", err, failed.healthy())
	}
}

func spoil(t *testing.T, file string, at int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// A file of many blocks. The namenode wants to hear of each before it gives out
// the next but one, and its datanode takes its time to tell.
func TestManyBlocks(t *testing.T) {
	server := testservers.NewHDFS(t, "dfs.blockreport.incremental.intervalMsec=100")
	cfg := settings()
	cfg.Env["HADOOP_CONF_DIR"] = configured(t, "dfs.blocksize", "1m")
	s := connect(t, cfg)
	defer s.Close()
	u := base(t, server)
	u.Key += "object"
	for _, size := range []int{10 << 20, 10<<20 + 1, 3<<20 - 1} {
		data := backendtest.Content(uint64(size), size)
		if _, err := s.Put(t.Context(), u, data, nil); err != nil {
			t.Fatal(err)
		}
		if got, err := backendtest.Read(t.Context(), t, s, u, backend.Whole, ""); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
}

// Parts in directories that do not join files are put together by copying.
func TestPartsAreCopiedWhereTheyCannotBeJoined(t *testing.T) {
	s := connect(t, settings())
	defer s.Close()
	place := base(t, testservers.SharedHDFS(t))
	data := backendtest.Content(1, 300_000)
	err := s.do(t.Context(), "put", place, func(ses *session) error {
		dir := pathOf(place)
		files := []string{dir + "/.s3dlio-tmp-1", path.Dir(dir) + "/.s3dlio-tmp-of-" + path.Base(dir)} // of two directories
		for i, file := range files {
			if _, err := ses.write(t.Context(), file, 0o644, content(data[i*150_000:(i+1)*150_000])); err != nil {
				return err
			}
		}
		w, err := ses.join(t.Context(), target{path: dir + "/object", dir: dir, mode: 0o644}, files, 300_000)
		if err != nil {
			return err
		}
		f, err := ses.client.Open(w.name)
		if err != nil {
			return err
		}
		got, err := io.ReadAll(checkedReader{f})
		if !bytes.Equal(got, data) {
			t.Errorf("%d bytes of %s", len(got), w.name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A commit whose answer was lost is made again.
func TestCommitAgain(t *testing.T) {
	s := connect(t, settings())
	defer s.Close()
	u := base(t, testservers.SharedHDFS(t))
	u.Key += "object"
	data := backendtest.Content(1, 200_000)
	made, err := s.Create(t.Context(), u, nil)
	if err != nil {
		t.Fatal(err)
	}
	up := made.(*upload)
	up.PartSize(100_000)
	for i := range 2 {
		if err := up.WritePart(t.Context(), i, data[i*100_000:(i+1)*100_000]); err != nil {
			t.Fatal(err)
		}
	}
	files, size, err := up.files(2)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 2 { // joined the first time
		err = s.do(t.Context(), "put", u, func(ses *session) error {
			up.whole, err = ses.join(t.Context(), up.target, files, size)
			return err
		})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	for round := range 2 { // published the first time
		if info, err := up.Commit(t.Context(), 2); err != nil || info.Size != size {
			t.Fatalf("round %d: %+v, %v", round, info, err)
		}
		up.done = false
	}
	if got, err := backendtest.Read(t.Context(), t, s, u, backend.Whole, up.whole.info.ETag); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// What a killed program leaves is hidden, and does not keep its directory alive for ever.
func TestLeftovers(t *testing.T) {
	s := connect(t, settings())
	defer s.Close()
	dir := base(t, testservers.SharedHDFS(t))
	old := time.Now().Add(-leftoverAge - time.Hour)
	leave := func(name string, when time.Time) {
		t.Helper()
		err := s.do(t.Context(), "put", dir, func(ses *session) error {
			file := path.Join(pathOf(dir), name)
			if _, err := ses.write(t.Context(), file, 0o644, content([]byte("x"))); err != nil {
				return err
			}
			return ses.client.Chtimes(file, when, when)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	leave(tempPrefix+"old", old)
	leave(tempPrefix+"new", time.Now())
	if err := s.List(t.Context(), dir, true, func(page []backend.Entry) error { return errors.New(page[0].Key) }); err != nil {
		t.Errorf("listed: %v", err)
	}
	if err := s.Delete(t.Context(), dir); errs.CodeOf(err) != errs.IsDirectory {
		t.Errorf("somebody may be writing there, yet: %v", err)
	}
	if err := s.Delete(t.Context(), dir.WithKey(dir.Key+tempPrefix+"new")); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), dir); err != nil {
		t.Errorf("nobody has written there for a day, yet: %v", err)
	}
}

// What is stored in a directory for erasure-coded files is replicated: the
// library would write blocks that nobody can read.
func TestErasureCodedDirectory(t *testing.T) {
	s := connect(t, settings())
	defer s.Close()
	dir := base(t, testservers.SharedHDFS(t))
	ask(t, s, dir, "setErasureCodingPolicy", "SetErasureCodingPolicy", map[protoreflect.Name]any{
		"src": pathOf(dir), "ecPolicyName": "RS-6-3-1024k",
	})
	u := dir.WithKey(dir.Key + "object")
	data := backendtest.Content(1, 3<<20)
	if _, err := s.Put(t.Context(), u, data, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := backendtest.Read(t.Context(), t, s, u, backend.Whole, ""); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Files whose blocks are not their bytes one after the other.
func TestReadable(t *testing.T) {
	status := func(length uint64, field protoreflect.Name, set func(protoreflect.Message)) *hdfs.FileStatus {
		s := new(hdfs.FileStatus)
		m := s.ProtoReflect()
		m.Set(m.Descriptor().Fields().ByName("length"), protoreflect.ValueOf(length))
		if field != "" {
			set(m.Mutable(m.Descriptor().Fields().ByName(field)).Message())
		}
		return s
	}
	number := func(name protoreflect.Name, n uint32) func(protoreflect.Message) {
		return func(m protoreflect.Message) { m.Set(m.Descriptor().Fields().ByName(name), protoreflect.ValueOf(n)) }
	}
	both := func(m protoreflect.Message) { number("id", 64)(m); number("cellSize", 4<<20)(m) }
	for _, each := range []struct {
		what   string
		status *hdfs.FileStatus
		ok     bool
	}{
		{"plain", status(9<<20, "", nil), true},
		{"encrypted", status(1, "fileEncryptionInfo", func(protoreflect.Message) {}), false},
		{"replicated by policy", status(9<<20, "ecPolicy", number("id", 0)), true},
		{"erasure-coded, one cell", status(1<<20, "ecPolicy", number("id", 1)), true},
		{"erasure-coded, more", status(1<<20+1, "ecPolicy", number("id", 1)), false},
		{"erasure-coded, one cell of its own size", status(4<<20, "ecPolicy", both), true},
		{"erasure-coded, more of these", status(4<<20+1, "ecPolicy", both), false},
	} {
		if err := readable(each.status); (err == nil) != each.ok || err != nil && errs.CodeOf(err) != errs.Unsupported {
			t.Errorf("%s: %v", each.what, err)
		}
	}
}

// A write that fails leaves nothing running.
func TestFailedWriteEnds(t *testing.T) {
	s := connect(t, settings())
	defer s.Close()
	place := base(t, testservers.SharedHDFS(t))
	failed := errors.New("no more")
	err := s.do(t.Context(), "put", place, func(ses *session) error {
		_, err := ses.write(t.Context(), pathOf(place)+"/x", 0o644, func(w io.Writer) error {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return err
			}
			return failed
		})
		return err
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	stacks := make([]byte, 1<<20)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		running := stacks[:runtime.Stack(stacks, true)]
		if !bytes.Contains(running, []byte("blockWriteStream")) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("still running:\n%s", running)
		}
	}
}

// Encrypted transfers. Without AES the library cannot follow the datanodes, which
// no patience changes.
func TestEncryptedTransfers(t *testing.T) {
	data := backendtest.Content(1, 3<<20)
	put := func(suites string) (*store, uri.URI) {
		server := testservers.NewHDFS(t, "dfs.encrypt.data.transfer=true", "dfs.block.access.token.enable=true", suites)
		s := connect(t, settings())
		t.Cleanup(func() { _ = s.Close() })
		u := base(t, server)
		u.Key += "object"
		if _, err := s.Put(t.Context(), u, data, nil); err != nil {
			t.Fatal(err)
		}
		return s, u
	}
	s, u := put("dfs.encrypt.data.transfer.cipher.suites=AES/CTR/NoPadding")
	if got, err := backendtest.Read(t.Context(), t, s, u, backend.Whole, ""); err != nil || !bytes.Equal(got, data) {
		t.Errorf("with AES: %d bytes, %v", len(got), err)
	}
	s, u = put("dfs.encrypt.data.transfer.algorithm=rc4")
	_, err := backendtest.Read(t.Context(), t, s, u, backend.Whole, "")
	if errs.CodeOf(err) != errs.Unsupported || !strings.Contains(err.Error(), "AES/CTR/NoPadding") {
		t.Errorf("without: %v", err)
	}
}

// Two names that are not UTF-8 would be one to the namenode.
func TestNamesAreUTF8(t *testing.T) {
	s := connect(t, settings())
	defer s.Close()
	u := base(t, testservers.SharedHDFS(t))
	u.Key += "a\xff"
	_, openErr := s.Open(t.Context(), u, backend.Whole, "")
	_, putErr := s.Put(t.Context(), u, nil, nil)
	for what, err := range map[string]error{"open": openErr, "put": putErr, "delete": s.Delete(t.Context(), u)} {
		if errs.CodeOf(err) != errs.Invalid || !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
