package gcs_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest/faultsuite"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

const quantum = 256 << 10

// writing is an upload behind an Interposer, without retries.
type writing struct {
	*testing.T
	between *faultsuite.Interposer
	store   backend.Backend
	u       uri.URI
	up      backend.Upload
	data    []byte
}

func newWriting(t *testing.T, parts int) *writing {
	t.Helper()
	server := testservers.SharedFakeGCS(t)
	w := &writing{T: t, between: faultsuite.NewInterposer(t, server.Addr), data: backendtest.Content(1, 2*quantum*parts-100)}
	cfg := config.Default()
	cfg.Endpoints, cfg.Anonymous = []string{w.between.Endpoint}, true
	w.store = connect(t, &cfg)
	t.Cleanup(func() { w.store.Close() })
	w.u = uri.URI{Scheme: "gs", Container: newBucket(t, server), Key: "object"}
	var err error
	if w.up, err = w.store.Create(t.Context(), w.u, nil); err != nil {
		t.Fatal(err)
	}
	if size := w.up.PartSize(2*quantum - 1); size != 2*quantum {
		t.Fatalf("parts have %d bytes", size)
	}
	return w
}

func (w *writing) part(n int) []byte {
	return w.data[n*2*quantum : min((n+1)*2*quantum, len(w.data))]
}

func (w *writing) holds() {
	w.Helper()
	body, err := w.store.Open(w.Context(), w.u, backend.Whole, "")
	if err != nil {
		w.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, w.data) {
		w.Errorf("%d bytes that are not those written, %v", len(got), err)
	}
}

// The service may store less of a chunk than was sent: the rest is sent again.
func TestChunkStoredInPart(t *testing.T) {
	w := newWriting(t, 3)
	var sent []string
	w.between.Spoil(func(rw http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) bool {
		span := r.Header.Get("Content-Range")
		if r.Method != http.MethodPut || span == "" {
			return false
		}
		sent = append(sent, span)
		if len(sent) == 1 {
			half := io.NopCloser(io.LimitReader(r.Body, quantum))
			r.Body, r.ContentLength = half, quantum
			r.Header.Set("Content-Length", fmt.Sprint(quantum))
			r.Header.Set("Content-Range", fmt.Sprintf("bytes 0-%d/*", quantum-1))
		}
		return false
	})
	for n := range 3 {
		if err := w.up.WritePart(t.Context(), n, w.part(n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.up.Commit(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	w.holds()
	want := "bytes 0-524287/*, bytes 262144-524287/*, bytes 524288-1048575/*, bytes 1048576-1572763/1572764"
	if got := strings.Join(sent, ", "); got != want {
		t.Errorf("sent %s\nwant %s", got, want)
	}
}

// An answer is lost: nothing is sent before the session has said how far it got.
func TestLostChunk(t *testing.T) {
	for _, stored := range []bool{true, false} {
		w := newWriting(t, 2)
		var sent []string
		w.between.Spoil(func(rw http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) bool {
			if r.Method != http.MethodPut {
				return false
			}
			sent = append(sent, r.Header.Get("Content-Range"))
			if len(sent) > 1 {
				return false
			}
			if stored {
				pass(httptest.NewRecorder())
			} else {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			rw.WriteHeader(http.StatusBadGateway)
			return true
		})
		if err := w.up.WritePart(t.Context(), 0, w.part(0)); errs.CodeOf(err) != errs.Server {
			t.Fatalf("the first attempt: %v", err)
		}
		for n := range 2 {
			if err := w.up.WritePart(t.Context(), n, w.part(n)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.up.Commit(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		w.holds()
		want := "bytes 0-524287/*, bytes */*, bytes 524288-1048475/1048476"
		if !stored {
			want = "bytes 0-524287/*, bytes */*, bytes 0-524287/*, bytes 524288-1048475/1048476"
		}
		if got := strings.Join(sent, ", "); got != want {
			t.Errorf("stored %v: sent %s\nwant %s", stored, got, want)
		}
	}
}

// The answer to the end is lost, and the service does not know the session any more.
func TestLostEnd(t *testing.T) {
	for _, overwritten := range []bool{false, true} {
		w := newWriting(t, 1)
		lost := false
		w.between.Spoil(func(rw http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) bool {
			if r.Method != http.MethodPut {
				return false
			}
			if lost {
				rw.WriteHeader(map[bool]int{true: http.StatusGone, false: http.StatusNotFound}[overwritten])
				return true
			}
			lost = true
			pass(httptest.NewRecorder())
			rw.WriteHeader(http.StatusBadGateway)
			return true
		})
		if err := w.up.WritePart(t.Context(), 0, w.part(0)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.up.Commit(t.Context(), 1); errs.CodeOf(err) != errs.Server {
			t.Fatalf("the first attempt: %v", err)
		}
		if overwritten {
			if _, err := w.store.Put(t.Context(), w.u, backendtest.Content(2, len(w.data)), nil); err != nil {
				t.Fatal(err)
			}
		}
		info, err := w.up.Commit(t.Context(), 1)
		if overwritten {
			if errs.CodeOf(err) != errs.NotFound || !strings.Contains(err.Error(), "upload not found") {
				t.Errorf("overwritten meanwhile: %+v, %v", info, err)
			}
			continue
		}
		if err != nil || info.Size != int64(len(w.data)) {
			t.Errorf("%+v, %v", info, err)
		}
		w.holds()
		if again, err := w.up.Commit(t.Context(), 1); err != nil || again.ETag != info.ETag {
			t.Errorf("once more: %+v, %v", again, err)
		}
	}
}

// Parts wait for those before them while these are under way, and go out whole.
func TestPartsWaitForTheirTurn(t *testing.T) {
	const parts = 8
	w := newWriting(t, parts)
	release := make(chan struct{})
	var mu sync.Mutex
	var sent []string
	w.between.Spoil(func(_ http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) bool {
		if r.Method == http.MethodPut {
			<-release
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, r.Header.Get("Content-Range"))
		}
		return false
	})
	var all sync.WaitGroup
	for n := range parts {
		begun := make(chan struct{})
		all.Go(func() {
			close(begun)
			if err := w.up.WritePart(t.Context(), n, w.part(n)); err != nil {
				t.Error(err)
			}
		})
		<-begun
	}
	close(release)
	all.Wait()
	if _, err := w.up.Commit(t.Context(), parts); err != nil {
		t.Fatal(err)
	}
	w.holds()
	if len(sent) != parts || sent[1] != "bytes 524288-1048575/*" {
		t.Errorf("sent %q", sent)
	}
}

// One who waits for the turn of his part gives up when he is told to; the part comes later.
func TestWaitingIsCancelled(t *testing.T) {
	w := newWriting(t, 3)
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.between.Spoil(func(_ http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) bool {
		if r.Method == http.MethodPut {
			once.Do(func() { close(held) })
			<-release
		}
		return false
	})
	var first sync.WaitGroup
	first.Go(func() {
		if err := w.up.WritePart(t.Context(), 0, w.part(0)); err != nil {
			t.Error(err)
		}
	})
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	go func() { waiting <- w.up.WritePart(ctx, 1, w.part(1)) }()
	cancel()
	if err := <-waiting; errs.CodeOf(err) != errs.Cancelled {
		t.Errorf("cancelled while it waits: %v", err)
	}
	close(release)
	first.Wait()
	for n := 1; n < 3; n++ {
		if err := w.up.WritePart(t.Context(), n, w.part(n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.up.Commit(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	w.holds()
}

// A part that has been sent cannot become another one; the same one may come again.
func TestPartOnceMore(t *testing.T) {
	w := newWriting(t, 2)
	for range 2 {
		if err := w.up.WritePart(t.Context(), 0, w.part(0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.up.WritePart(t.Context(), 0, w.data[1:2*quantum+1]); errs.CodeOf(err) != errs.Invalid {
		t.Errorf("another part: %v", err)
	}
	if err := w.up.WritePart(t.Context(), 1, w.data[:2*quantum+1]); errs.CodeOf(err) != errs.Invalid {
		t.Errorf("a part that is too long: %v", err)
	}
	if err := w.up.WritePart(t.Context(), 1, w.part(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.up.Commit(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	w.holds()
}

// A Commit of fewer parts than were sent would make another object than is meant.
func TestFewerPartsThanSent(t *testing.T) {
	w := newWriting(t, 3)
	for n := range 3 {
		if err := w.up.WritePart(t.Context(), n, w.part(n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.up.Commit(t.Context(), 1); errs.CodeOf(err) != errs.Invalid {
		t.Errorf("one part of two that were sent: %v", err)
	}
}

// What was given up is gone from the service.
func TestAbortEndsTheSession(t *testing.T) {
	w := newWriting(t, 2)
	var target string
	w.between.Spoil(func(_ http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) bool {
		if r.Method == http.MethodPut {
			target = r.URL.String()
		}
		return false
	})
	if err := w.up.WritePart(t.Context(), 0, w.part(0)); err != nil {
		t.Fatal(err)
	}
	if err := w.up.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPut, w.between.Endpoint+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Range", "bytes */*")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("the session answers %s", resp.Status)
	}
	if _, err := w.up.Commit(t.Context(), 1); errs.CodeOf(err) != errs.Invalid {
		t.Errorf("a commit after that: %v", err)
	}
}
