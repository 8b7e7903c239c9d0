package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// fake is a store whose reads the tests can watch and disturb.
type fake struct {
	backend.Backend // methods that no test here needs

	mu                 sync.Mutex
	objects            map[string][]byte
	version            map[string]int
	opens              []string // "key offset+length"
	inside             int
	most               int // reads under way at once
	hold               chan struct{}
	onOpen             func(key string, r backend.Range)
	onList             func(u uri.URI) error
	delay              func(key string) time.Duration
	stored             map[string][]byte
	created, committed int
	aborted            int
	failAt             int // upload part that fails; -1 none
	leastPart          int64
	onWrite            func(n int)
	attributes         *backend.Attributes // of the last Put or Create
	answer             func(r *fakeReader)

	copyLimit int64 // more than 0: it copies by itself
	copies    []string
	onCopy    func(n int) error // before each request to copy
}

var current *fake // the store behind fake://

func init() {
	backend.Register(backend.Driver{Scheme: "fake", New: func(context.Context, *config.Config, string) (backend.Backend, error) {
		return current, nil
	}})
}

func newFake(t *testing.T) (*fake, *Client) {
	t.Helper()
	current = &fake{objects: map[string][]byte{}, version: map[string]int{}, stored: map[string][]byte{}, failAt: -1}
	cfg := config.Default()
	cfg.RetryTimeout = 0
	cfg.MaxAttempts = 1
	c := NewClient(&cfg)
	t.Cleanup(func() { _ = c.Close() })
	return current, c
}

func (f *fake) put(key string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[key] = data
	f.version[key]++
}

func (f *fake) Close() error { return nil }

func (f *fake) Open(ctx context.Context, u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	if f.onOpen != nil {
		f.onOpen(u.Key, r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opens = append(f.opens, fmt.Sprintf("%s %d+%d", u.Key, r.Offset, r.Length))
	data, ok := f.objects[u.Key]
	if !ok {
		return nil, errs.New(errs.NotFound, "get", u.String(), "no such object")
	}
	tag := fmt.Sprint(f.version[u.Key])
	size := int64(len(data))
	if etag != "" && etag != tag {
		return nil, errs.New(errs.Changed, "get", u.String(), "changed")
	}
	from, to, err := r.Cut("get", u, size)
	if err != nil {
		return nil, err
	}
	f.inside++
	f.most = max(f.most, f.inside)
	var delay time.Duration
	if f.delay != nil {
		delay = f.delay(u.Key)
	}
	reader := &fakeReader{Reader: bytes.NewReader(data[from:to]), fake: f, ctx: ctx, delay: delay,
		info: backend.Info{Size: size, ETag: tag}, n: to - from}
	if f.answer != nil {
		f.answer(reader)
	}
	return reader, nil
}

type fakeReader struct {
	*bytes.Reader
	fake  *fake
	ctx   context.Context
	delay time.Duration
	info  backend.Info
	n     int64
}

func (r *fakeReader) Info() backend.Info { return r.info }
func (r *fakeReader) Len() int64         { return r.n }
func (r *fakeReader) Read(p []byte) (int, error) {
	if r.fake.hold != nil {
		select {
		case <-r.fake.hold:
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		}
	}
	time.Sleep(r.delay)
	return r.Reader.Read(p)
}

func (r *fakeReader) Close() error {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	r.fake.inside--
	return nil
}

func (f *fake) List(_ context.Context, u uri.URI, _ bool, page func([]backend.Entry) error) error {
	if f.onList != nil {
		if err := f.onList(u); err != nil {
			return err
		}
	}
	f.mu.Lock()
	var entries []backend.Entry
	for key, data := range f.objects {
		if strings.HasPrefix(key, u.Key) {
			entries = append(entries, backend.Entry{Key: key, Size: int64(len(data)), ETag: "e"})
		}
	}
	f.mu.Unlock()
	slices.SortFunc(entries, func(a, b backend.Entry) int { return strings.Compare(a.Key, b.Key) })
	for chunk := range slices.Chunk(entries, 10) {
		if err := page(chunk); err != nil {
			return err
		}
	}
	return nil
}

func (f *fake) Put(_ context.Context, u uri.URI, data []byte, a *backend.Attributes) (backend.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stored[u.Key], f.attributes = bytes.Clone(data), a
	return backend.Info{Size: int64(len(data)), ETag: "p"}, nil
}

func (f *fake) Create(_ context.Context, _ uri.URI, a *backend.Attributes) (backend.Upload, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.created++
	f.attributes = a
	return &fakeUpload{fake: f, parts: map[int][]byte{}}, nil
}

type fakeUpload struct {
	fake  *fake
	parts map[int][]byte
}

func (u *fakeUpload) PartSize(wanted int64) int64 { return max(wanted, u.fake.leastPart) }

func (u *fakeUpload) WritePart(_ context.Context, n int, data []byte) error {
	if u.fake.onWrite != nil {
		u.fake.onWrite(n)
	}
	u.fake.mu.Lock()
	defer u.fake.mu.Unlock()
	if n == u.fake.failAt {
		return errs.New(errs.NoSpace, "put", "", "full")
	}
	u.parts[n] = bytes.Clone(data)
	return nil
}

func (u *fakeUpload) Commit(_ context.Context, parts int) (backend.Info, error) {
	u.fake.mu.Lock()
	defer u.fake.mu.Unlock()
	var all []byte
	for i := range parts {
		all = append(all, u.parts[i]...)
	}
	u.fake.stored["committed"] = all
	u.fake.committed++
	return backend.Info{Size: int64(len(all)), ETag: "x"}, nil
}

func (u *fakeUpload) Abort(context.Context) error {
	u.fake.mu.Lock()
	defer u.fake.mu.Unlock()
	u.fake.aborted++
	return nil
}

var _ io.Reader = (*fakeReader)(nil)

// list is a Source over a slice.
type requestList []Request

func (l requestList) Len() int64 { return int64(len(l)) }
func (l requestList) At(i int64) Request {
	r := l[i]
	r.Index = i
	return r
}

func reads(keys ...string) requestList {
	var l requestList
	for _, k := range keys {
		l = append(l, Request{URI: "fake://b/" + k, Size: -1, Length: -1})
	}
	return l
}

func defaults() Options {
	return Options{Ordered: true, Recursive: true, MaxConcurrent: 8, PartSize: 100, MemoryBudget: 1 << 20}
}

func open(t *testing.T, c *Client, op Op, source Source, o Options) *Stream {
	t.Helper()
	s, err := c.Open(op, source, o, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		done := make(chan struct{})
		s.Close(func() { close(done) })
		<-done
	})
	return s
}

// drain takes everything, n items at a time.
func drain(t *testing.T, s *Stream, n int64) []Item {
	t.Helper()
	var all []Item
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		items, finished, err := s.Next(n, n, 100*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, items...)
		if finished {
			return all
		}
	}
	t.Fatalf("no end after %d items", len(all))
	return nil
}

func free(items []Item) {
	for _, i := range items {
		if i.Buffer != nil {
			i.Buffer.Release()
		}
	}
}
