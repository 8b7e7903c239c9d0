package backendtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Content is n bytes that no other seed yields.
func Content(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, 0, n+8)
	for len(data) < n {
		data = binary.LittleEndian.AppendUint64(data, r.Uint64())
	}
	return data[:n]
}

const guard = 0xA5

// Memory is n bytes with spare more of capacity, shift bytes behind an aligned
// address. Its check fails the test where anything outside was written to.
func Memory(t testing.TB, n, spare, shift int) (p []byte, check func()) {
	t.Helper()
	const page = 4096 // large Go objects begin at a page
	block := bytes.Repeat([]byte{guard}, max(page+shift+n+spare+64, 64<<10))
	p = block[page+shift : page+shift+n : page+shift+n+spare]
	return p, func() {
		t.Helper()
		for _, outside := range [][]byte{block[:page+shift], block[page+shift+n+spare:]} {
			if bytes.Count(outside, []byte{guard}) != len(outside) {
				t.Error("Read wrote outside of the memory it was given")
			}
		}
	}
}

// Read opens a range and reads it whole, holding the Reader to its promises.
func Read(ctx context.Context, t testing.TB, store backend.Backend, u uri.URI, r backend.Range, etag string) ([]byte, error) {
	t.Helper()
	body, err := store.Open(ctx, u, r, etag)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if info := body.Info(); info.ETag == "" || info.Size < body.Len() {
		t.Errorf("%s: a reader of %d bytes says %+v", u, body.Len(), info)
	}
	p, check := Memory(t, int(body.Len()), 100, 0)
	defer check()
	if _, err := io.ReadFull(body, p); err != nil {
		return nil, err
	}
	for range 2 { // the end stays the end
		var more [10]byte
		if n, err := body.Read(more[:]); n != 0 || err != io.EOF {
			t.Errorf("%s: after %d bytes Read says %d, %v: want 0, EOF", u, len(p), n, err)
		}
	}
	return p, nil
}

func (p *place) read(u uri.URI, r backend.Range, etag string) ([]byte, error) {
	p.Helper()
	return Read(p.ctx, p, p.store, u, r, etag)
}

// holds checks that the object at u is exactly want.
func (p *place) holds(u uri.URI, want []byte) {
	p.Helper()
	got, err := p.read(u, backend.Whole, "")
	if err != nil {
		p.Error(err)
	} else if !bytes.Equal(got, want) {
		p.Errorf("%s holds %d bytes other than the %d that were stored", u, len(got), len(want))
	}
}

func (p *place) put(key string, data []byte) backend.Info {
	p.Helper()
	info, err := p.store.Put(p.ctx, p.at(key), data, nil)
	p.ok(err)
	return info
}

// list returns all entries below u.
func (p *place) list(u uri.URI, recursive bool) (entries []backend.Entry, err error) {
	p.Helper()
	err = p.store.List(p.ctx, u, recursive, func(page []backend.Entry) error {
		if len(page) == 0 {
			p.Error("an empty page")
		}
		entries = append(entries, page...)
		return nil
	})
	return entries, err
}

// listed checks that exactly the given keys are below the base, in this order.
func (p *place) listed(recursive bool, want ...string) {
	p.Helper()
	entries, err := p.list(p.base, recursive)
	p.ok(err)
	p.sameKeys(entries, want...)
}

func (p *place) sameKeys(entries []backend.Entry, want ...string) {
	p.Helper()
	same := len(entries) == len(want)
	got := make([]string, len(entries))
	for i, e := range entries {
		got[i] = e.Key
		same = same && e.Key == p.base.Key+want[i]
	}
	if !same {
		p.Errorf("listed %q, want %q below %q", got, want, p.base.Key)
	}
}
