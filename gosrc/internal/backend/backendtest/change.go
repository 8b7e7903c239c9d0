package backendtest

import (
	"bytes"
	"io"
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// etags: another content has another ETag, also at the same size and at once.
func etags(p *place) {
	seen := map[string]int{}
	for i := range 50 {
		info := p.put("object", Content(uint64(i), 1000))
		if before, ok := seen[info.ETag]; ok {
			p.Errorf("versions %d and %d have the ETag %s", before, i, info.ETag)
		}
		seen[info.ETag] = i
	}
	stat, err := p.store.Stat(p.ctx, p.at("object"))
	p.ok(err)
	if seen[stat.ETag] != 49 {
		p.Errorf("stat says ETag %s, which is that of version %d", stat.ETag, seen[stat.ETag])
	}
}

func pinned(p *place) {
	u := p.at("object")
	first, second := Content(1, 10_000), Content(2, 10_000) // of one size
	old := p.put("object", first)
	if got, err := p.read(u, backend.Range{Offset: 5000, Length: 1000}, old.ETag); err != nil || !bytes.Equal(got, first[5000:6000]) {
		p.Errorf("unchanged, yet %d bytes, %v", len(got), err)
	}
	now := p.put("object", second)
	for _, r := range []backend.Range{backend.Whole, {Offset: 5000, Length: 1000}, {Offset: 0, Length: 1}} {
		_, err := p.read(u, r, old.ETag)
		p.fails(err, u, errs.Changed)
		_, err = p.read(u, r, "no such etag")
		p.fails(err, u, errs.Changed)
		_, err = p.read(u, r, now.ETag)
		p.ok(err)
	}
	p.put("object", second[:3000])
	_, err := p.read(u, backend.Range{Offset: 1000, Length: 1000}, now.ETag)
	p.fails(err, u, errs.Changed)
	p.ok(p.store.Delete(p.ctx, u))
	_, err = p.read(u, backend.Whole, now.ETag)
	p.fails(err, u, errs.NotFound, errs.Changed)
}

// putIsAtomic: while the object is replaced, a reader sees one version or the
// other, and a listing nothing but the object.
func putIsAtomic(p *place) {
	const versions = 30
	version := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 50_000+i*1000) }
	p.put("object", version(0))
	done := make(chan struct{})
	var readers sync.WaitGroup
	loop := func(check func()) {
		readers.Go(func() {
			for {
				check()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for range 3 {
		loop(func() {
			got, err := p.read(p.at("object"), backend.Whole, "")
			if err != nil {
				p.Error(err)
			} else if i := int(got[0]); !bytes.Equal(got, version(i)) {
				p.Errorf("read %d bytes that are no version", len(got))
			}
		})
	}
	loop(func() {
		entries, err := p.list(p.base, true)
		if err != nil || len(entries) != 1 || entries[0].Key != p.at("object").Key {
			p.Errorf("listed %v, %v", entries, err)
		}
	})
	for i := 1; i < versions; i++ {
		p.put("object", version(i))
		p.holds(p.at("object"), version(i))
	}
	close(done)
	readers.Wait()
	p.listed(true, "object")
}

// concurrent: everything at once, each goroutine with keys of its own and one that all share.
func concurrent(p *place) {
	const workers, rounds = 12, 6
	shared := Content(99, 40_000)
	p.put("shared", shared)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			key := "own/" + string(rune('a'+w))
			for i := range rounds {
				data := Content(uint64(w*1000+i), 10_000+w*100+i)
				if _, err := p.store.Put(p.ctx, p.at(key), data, nil); err != nil {
					p.Error(err)
					return
				}
				p.holds(p.at(key), data)
				p.holds(p.at("shared"), shared)
				if _, err := p.list(p.base, true); err != nil {
					p.Error(err)
				}
				if err := p.store.Delete(p.ctx, p.at(key)); err != nil {
					p.Error(err)
				}
			}
		})
	}
	all.Wait()
	p.listed(true, "shared")
	readOneByMany(p, shared)
}

func readOneByMany(p *place, want []byte) {
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			body, err := p.store.Open(p.ctx, p.at("shared"), backend.Range{Offset: int64(i * 1000), Length: 8000}, "")
			if err != nil {
				p.Error(err)
				return
			}
			defer body.Close()
			if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, want[i*1000:i*1000+8000]) {
				p.Errorf("reader %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	all.Wait()
}
