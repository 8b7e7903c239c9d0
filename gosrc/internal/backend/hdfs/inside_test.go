package hdfs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
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
	cfg.Env["HADOOP_CONF_DIR"] = configured(t, "dfs.blocksize", "1048576")
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
