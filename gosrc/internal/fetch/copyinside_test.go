package fetch

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func (f *fake) Stat(ctx context.Context, u uri.URI) (backend.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, ok := f.objects[u.Key]
	if !ok {
		return backend.Info{}, errs.New(errs.NotFound, "stat", u.String(), "no such object")
	}
	return backend.Info{Size: int64(len(data)), ETag: fmt.Sprint(f.version[u.Key]), ContentType: "text/plain"}, ctx.Err()
}

func (f *fake) CopyLimit() int64 { return f.copyLimit }

// source is what a copy finds: text says which, for the record.
func (f *fake) source(from uri.URI, etag, text string) ([]byte, error) {
	f.mu.Lock()
	n := len(f.copies)
	f.copies = append(f.copies, from.Key+" "+text)
	f.mu.Unlock()
	if f.onCopy != nil {
		if err := f.onCopy(n); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if etag != fmt.Sprint(f.version[from.Key]) {
		return nil, errs.New(errs.Changed, "copy", from.String(), "changed")
	}
	return f.objects[from.Key], nil
}

func (f *fake) Copy(_ context.Context, from uri.URI, etag string, to uri.URI) (backend.Info, error) {
	data, err := f.source(from, etag, "whole")
	if err != nil {
		return backend.Info{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stored[to.Key] = data
	return backend.Info{ETag: "c"}, nil
}

func (f *fake) CreateCopy(ctx context.Context, u uri.URI, a *backend.Attributes) (backend.CopyUpload, error) {
	up, err := f.Create(ctx, u, a)
	return &fakeCopyUpload{up.(*fakeUpload)}, err
}

type fakeCopyUpload struct{ *fakeUpload }

func (*fakeCopyUpload) PartSize(int64) int64 { return 100 }

func (u *fakeCopyUpload) CopyPart(ctx context.Context, n int, from uri.URI, r backend.Range, etag string) error {
	data, err := u.fake.source(from, etag, fmt.Sprintf("%d+%d", r.Offset, r.Length))
	if err != nil {
		return err
	}
	return u.WritePart(ctx, n, data[r.Offset:r.Offset+r.Length])
}

func newCopier(t *testing.T, size int) (*fake, *Client) {
	unleaked(t)
	f, c := newFake(t)
	f.copyLimit = 250
	f.put("k", random(size, 1))
	return f, c
}

func TestAStoreCopiesByItself(t *testing.T) {
	for size, want := range map[int][]string{
		0: {"k whole"}, 1: {"k whole"}, 250: {"k whole"}, 251: {"k 0+100", "k 100+100", "k 200+51"},
	} {
		for _, known := range []int64{-1, int64(size), 7} {
			f, c := newCopier(t, size)
			source := copies("k")
			source[0].Size = known
			s := open(t, c, Copy, source, defaults())
			items := drain(t, s, 1)
			if items[0].Err != nil || items[0].Size != int64(size) || !bytes.Equal(f.stored["committed"], f.objects["k"]) {
				t.Errorf("%d bytes: %+v", size, items[0])
			}
			if slices.Sort(f.copies); !slices.Equal(f.copies, want) || len(f.opens) > 0 || s.Moved() != int64(size) {
				t.Errorf("%d bytes: %q, %q, %d counted", size, f.copies, f.opens, s.Moved())
			}
			if len(want) > 1 && f.attributes.ContentType != "text/plain" {
				t.Errorf("stored with %+v", f.attributes)
			}
		}
	}
}

// Whichever request says that the store does not copy after all, the bytes go the long way.
func TestAStoreThatDoesNotCopyAfterAll(t *testing.T) {
	for _, size := range []int{50, 950} {
		f, c := newCopier(t, size)
		f.onCopy = func(int) error { return errs.New(errs.Unsupported, "copy", "", "not implemented") }
		s := open(t, c, Copy, copies("k"), defaults())
		items := drain(t, s, 1)
		if items[0].Err != nil || len(f.copies) != 1 || len(f.opens) == 0 || s.Moved() != int64(size) {
			t.Errorf("%d bytes: %v, %q, %q, %d counted", size, items[0].Err, f.copies, f.opens, s.Moved())
		}
		if !bytes.Equal(f.stored["committed"], f.objects["k"]) || f.created != f.aborted+f.committed {
			t.Errorf("%d bytes: %d stored, %d created, %d aborted", size, len(f.stored["committed"]), f.created, f.aborted)
		}
	}
}

func TestASourceThatChangesBeforeItIsCopied(t *testing.T) {
	f, c := newCopier(t, 50)
	var once sync.Once
	f.onCopy = func(int) error { once.Do(func() { f.put("k", random(60, 2)) }); return nil }
	items := drain(t, open(t, c, Copy, copies("k"), defaults()), 1)
	if items[0].Err != nil || items[0].Size != 60 || !bytes.Equal(f.stored["committed"], f.objects["k"]) {
		t.Errorf("changed once: %+v", items[0])
	}
	f.onCopy = func(int) error { f.put("k", random(60, 2)); return nil }
	items = drain(t, open(t, c, Copy, copies("k"), defaults()), 1)
	if errs.CodeOf(items[0].Err) != errs.Changed {
		t.Errorf("always changing: %v", items[0].Err)
	}
}

func TestAPartThatCannotBeCopied(t *testing.T) {
	for _, at := range []int{0, 1, 5, 9} {
		f, c := newCopier(t, 950)
		f.onCopy = func(n int) error {
			if n == at {
				f.put("k", random(950, 2))
			}
			return nil
		}
		items := drain(t, open(t, c, Copy, copies("k"), defaults()), 1)
		if errs.CodeOf(items[0].Err) != errs.Changed || f.created != 1 || f.aborted != 1 || len(f.stored) > 0 {
			t.Errorf("at %d: %v, %d created, %d aborted", at, items[0].Err, f.created, f.aborted)
		}
	}
}

func TestWhatIsNotCopiedInside(t *testing.T) {
	f, c := newCopier(t, 50)
	to := copies("k", "missing")
	to[0].Target = to[0].URI // to itself
	items := drain(t, open(t, c, Copy, to, defaults()), 2)
	if items[0].Err != nil || len(f.copies) > 0 || len(f.opens) != 1 || errs.CodeOf(items[1].Err) != errs.NotFound || items[1].Err.URI != to[1].URI {
		t.Errorf("%v, %v, %q, %q", items[0].Err, items[1].Err, f.copies, f.opens)
	}
}
