package hdfs

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// lasting is a store with everything around it: it repeats what fails in passing.
func lasting(t *testing.T, cfg *config.Config) *wrap.Store {
	t.Helper()
	_, driver, err := backend.Resolve("test", "hdfs://host/")
	if err != nil {
		t.Fatal(err)
	}
	s, err := wrap.Open(t.Context(), driver, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// The cluster crashes in the middle of a read and of an upload, and comes back.
func TestCrash(t *testing.T) {
	server := testservers.SharedHDFS(t)
	s := lasting(t, settings())
	place := base(t, server)
	u, other := place.WithKey(place.Key+"object"), place.WithKey(place.Key+"upload")
	data := backendtest.Content(1, 24<<20)
	if _, err := s.Put(t.Context(), u, data, nil); err != nil {
		t.Fatal(err)
	}
	up, err := s.Create(t.Context(), other, nil)
	if err != nil {
		t.Fatal(err)
	}
	size := up.PartSize(12 << 20)
	if err := up.WritePart(t.Context(), 0, data[:size]); err != nil {
		t.Fatal(err)
	}
	body, err := s.Open(t.Context(), u, backend.Whole, "")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got := make([]byte, len(data))
	if _, err := io.ReadFull(body, got[:1<<20]); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	server.Restart(t)
	if _, err := io.ReadFull(body, got[1<<20:]); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read over a crash: %v", err)
	}
	if err := up.WritePart(t.Context(), 1, data[size:]); err != nil {
		t.Fatal(err)
	}
	if _, err := up.Commit(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if got, err := backendtest.Read(t.Context(), t, s, other, backend.Whole, ""); err != nil || !bytes.Equal(got, data) {
		t.Errorf("uploaded over a crash: %d bytes, %v", len(got), err)
	}
	if stats := s.Stats(); stats.Attempts == stats.Requests {
		t.Errorf("nothing was repeated: %+v", stats)
	}
}

// A cluster that is silent is given up after request_timeout, and used again when it speaks.
func TestSilence(t *testing.T) {
	server := testservers.SharedHDFS(t)
	cfg := settings()
	cfg.RequestTimeout = config.Seconds(300 * time.Millisecond)
	s := connect(t, cfg)
	defer s.Close()
	u := base(t, server)
	u.Key += "object"
	data := backendtest.Content(1, 16<<20)
	generous := connect(t, settings())
	defer generous.Close()
	if _, err := generous.Put(t.Context(), u, data, nil); err != nil {
		t.Fatal(err)
	}
	body, err := s.Open(t.Context(), u, backend.Whole, "")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	server.Freeze(t)
	defer server.Thaw(t) // in any case
	_, err = io.Copy(io.Discard, body)
	for what, err := range map[string]error{
		"read": err, "stat": second(s.Stat(t.Context(), u)), "put": second(s.Put(t.Context(), u, data, nil)),
	} {
		if e := errs.From(err, "", ""); e.Code != errs.Timeout || !e.Retryable() || e.Endpoint == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	server.Thaw(t)
	if got, err := backendtest.Read(t.Context(), t, generous, u, backend.Whole, ""); err != nil || !bytes.Equal(got, data) {
		t.Errorf("afterwards: %d bytes, %v", len(got), err)
	}
}

// An object of several blocks is replaced while it is read: its later blocks go.
func TestReplacedWhileRead(t *testing.T) {
	cfg := settings()
	cfg.Env["HADOOP_CONF_DIR"] = configured(t, "dfs.blocksize", "1048576")
	s := connect(t, cfg)
	defer s.Close()
	u := base(t, testservers.SharedHDFS(t))
	u.Key += "object"
	old := backendtest.Content(1, 5<<20+1)
	info, err := s.Put(t.Context(), u, old, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := s.Open(t.Context(), u, backend.Whole, info.ETag)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got := make([]byte, len(old))
	if _, err := io.ReadFull(body, got[:100_000]); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), u, backendtest.Content(2, 5<<20), nil); err != nil {
		t.Fatal(err)
	}
	n, err := io.ReadFull(body, got[100_000:])
	if !bytes.Equal(got[:100_000+n], old[:100_000+n]) {
		t.Error("bytes of another version")
	}
	if err != nil && errs.CodeOf(err) != errs.Changed { // else the datanode still had all blocks
		t.Errorf("after %d bytes: %v", n, err)
	}
	if _, err := s.Open(t.Context(), u, backend.Whole, info.ETag); errs.CodeOf(err) != errs.Changed {
		t.Errorf("pinned to what is gone: %v", err)
	}
}

// A program that dies in an upload leaves nothing to be seen.
func TestAbandonedUpload(t *testing.T) {
	s := connect(t, settings())
	dir := base(t, testservers.SharedHDFS(t))
	up, err := s.Create(t.Context(), dir.WithKey(dir.Key+"new/object"), nil)
	if err != nil {
		t.Fatal(err)
	}
	up.PartSize(100_000)
	if err := up.WritePart(t.Context(), 0, make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	other := connect(t, settings())
	defer other.Close()
	err = other.List(t.Context(), dir, false, func(page []backend.Entry) error { return errors.New(page[0].Key) })
	if err != nil {
		t.Errorf("listed: %v", err)
	}
}

// ask sends a request for which the store has no method.
func ask(t *testing.T, s *store, u uri.URI, method string, name protoreflect.Name, fields map[protoreflect.Name]any) {
	t.Helper()
	err := s.do(t.Context(), "test", u, func(ses *session) error {
		_, err := ses.call(method, name, fields)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSafeMode(t *testing.T) {
	server := testservers.SharedHDFS(t)
	s, u := connect(t, settings()), base(t, server)
	defer s.Close()
	u.Key += "object"
	safe := func(on bool) {
		action := protoreflect.EnumNumber(1)
		if on {
			action = 2
		}
		ask(t, s, u, "setSafeMode", "SetSafeMode", map[protoreflect.Name]any{"action": action})
	}
	safe(true)
	defer safe(false)
	_, err := s.Put(t.Context(), u, []byte("data"), nil)
	if e := errs.From(err, "", ""); !e.Retryable() || !e.Retry.Answered || !strings.Contains(err.Error(), "safe mode") {
		t.Errorf("in safe mode: %v", err)
	}
	done := time.AfterFunc(time.Second, func() { safe(false) })
	defer done.Stop()
	if _, err := lasting(t, settings()).Put(t.Context(), u, []byte("data"), nil); err != nil {
		t.Errorf("safe mode was left in the meantime: %v", err)
	}
}

func TestQuota(t *testing.T) {
	s, dir := connect(t, settings()), base(t, testservers.SharedHDFS(t))
	defer s.Close()
	const unchanged = uint64(1<<63 - 1)
	ask(t, s, dir, "setQuota", "SetQuota", map[protoreflect.Name]any{
		"path": pathOf(dir), "namespaceQuota": unchanged, "storagespaceQuota": uint64(1 << 20),
	})
	_, err := s.Put(t.Context(), dir.WithKey(dir.Key+"object"), []byte("data"), nil)
	if errs.CodeOf(err) != errs.NoSpace || !strings.Contains(err.Error(), "quota") {
		t.Errorf("%v", err)
	}
}

// What is not a namenode.
func TestStrangers(t *testing.T) {
	for answer, want := range map[string]errs.Code{
		"HTTP/1.1 400 Bad Request\r\n\r\n": errs.Invalid,
		"":                                 errs.Connection,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				nc, err := l.Accept()
				if err != nil {
					return
				}
				if _, err := io.WriteString(nc, answer); err == nil && answer != "" {
					_, _ = io.Copy(io.Discard, nc) // until the client goes
				}
				_ = nc.Close()
			}
		}()
		s := connect(t, settings())
		defer s.Close()
		u := uri.URI{Scheme: scheme, Container: l.Addr().String(), Key: "a"}
		if _, err := s.Stat(t.Context(), u); errs.CodeOf(err) != want || !strings.Contains(err.Error(), "namenode") {
			t.Errorf("%q: %v", answer, err)
		}
	}
	refused := uri.URI{Scheme: scheme, Container: testservers.FreeAddr(t), Key: "a"}
	s := connect(t, settings())
	defer s.Close()
	if _, err := s.Stat(t.Context(), refused); errs.CodeOf(err) != errs.Connection || !strings.Contains(err.Error(), "refuses") {
		t.Errorf("nobody there: %v", err)
	}
}

// A cluster that never answers is given up soon, although another one does answer.
func TestWrongAddressBesideARightOne(t *testing.T) {
	s, right := connect(t, settings()), base(t, testservers.SharedHDFS(t))
	defer s.Close()
	wrong := uri.URI{Scheme: scheme, Container: testservers.FreeAddr(t), Key: "a"}
	given := func(silent, pause time.Duration) bool {
		c, err := s.cluster(wrong.Container)
		if err != nil {
			t.Fatal(err)
		}
		c.silent, c.tried = time.Now().Add(-silent), time.Now().Add(-pause)
		if _, err := s.Stat(t.Context(), right); err != nil {
			t.Fatal(err)
		}
		_, err = s.Stat(t.Context(), wrong)
		if errs.CodeOf(err) != errs.Connection {
			t.Fatal(err)
		}
		return !errs.From(err, "", "").Retryable()
	}
	for _, each := range []struct {
		silent, pause time.Duration
		want          bool
	}{
		{time.Second, time.Second, false},
		{neverAnswered + time.Second, time.Second, true},
		{3 * neverAnswered, pause - time.Second, true}, // the wait before an attempt grows
		{3 * neverAnswered, pause + time.Second, false},
	} {
		if given(each.silent, each.pause) != each.want {
			t.Errorf("given up after %s of silence, %s after the last attempt: %v", each.silent, each.pause, !each.want)
		}
	}
}

func TestDiagnosis(t *testing.T) {
	server := testservers.SharedHDFS(t)
	levels := func(cfg *config.Config, u uri.URI) map[string]backend.Level {
		found := map[string]backend.Level{}
		for _, f := range diagnose(t.Context(), cfg, u) {
			found[f.Check] = f.Level
		}
		return found
	}
	well := levels(settings(), base(t, server))
	for _, check := range []string{"connect", "access", "free_space"} {
		if well[check] != backend.Fine {
			t.Errorf("%s: %q of %v", check, well[check], well)
		}
	}
	if found := levels(settings(), uri.URI{Scheme: scheme, Container: server.Addr, Key: "none"}); found["access"] != backend.Fail {
		t.Errorf("a path that is not there: %v", found)
	}
	if found := levels(settings(), uri.URI{Scheme: scheme, Container: testservers.FreeAddr(t)}); found["connect"] != backend.Fail {
		t.Errorf("no server: %v", found)
	}
	if found := levels(settings(), uri.URI{Scheme: scheme, Key: "/a"}); found["namenode"] != backend.Fail {
		t.Errorf("no default: %v", found)
	}
}

// A namenode that says something and is gone is no wrong address.
func TestAnsweredAndGone(t *testing.T) {
	server := testservers.SharedHDFS(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		_ = l.Close()
		there, err := net.Dial("tcp", server.Addr)
		if err != nil {
			return
		}
		defer there.Close()
		go func() { _, _ = io.Copy(there, nc) }()
		answer := make([]byte, 4) // its length
		if _, err := io.ReadFull(there, answer); err == nil {
			_, _ = nc.Write(answer)
		}
	}()
	s := connect(t, settings())
	defer s.Close()
	u := uri.URI{Scheme: scheme, Container: l.Addr().String(), Key: "a"}
	for range 2 { // closed in the middle of the answer, then refused
		_, err := s.Stat(t.Context(), u)
		if e := errs.From(err, "", ""); e.Code != errs.Connection || !e.Retry.Answered || !e.Retryable() {
			t.Errorf("%+v", e)
		}
	}
}
