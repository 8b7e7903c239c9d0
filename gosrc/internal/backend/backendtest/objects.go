package backendtest

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func putAndGet(p *place) {
	for _, n := range []int{1, 2, 511, 512, 4095, 4096, 4097, 100_000} {
		data := Content(uint64(n), n)
		info := p.put("object", data)
		if info.Size != int64(n) || info.ETag == "" {
			p.Errorf("put of %d bytes says %+v", n, info)
		}
		p.holds(p.at("object"), data)
		stat, err := p.store.Stat(p.ctx, p.at("object"))
		p.ok(err)
		if age := time.Since(stat.ModTime); stat.Size != int64(n) || stat.ETag != info.ETag || stat.IsDir || age.Abs() > time.Hour {
			p.Errorf("stat says %+v, put said %+v", stat, info)
		}
	}
	other := p.suite.client(p)
	if stat, err := other.Stat(p.ctx, p.at("object")); err != nil || stat.Size != 100_000 {
		p.Errorf("another client sees %+v, %v", stat, err)
	}
}

func missing(p *place) {
	p.put("there", nil)
	for _, key := range []string{"not", "not/there", "ther", "there2"} {
		u := p.at(key)
		_, err := p.store.Stat(p.ctx, u)
		p.fails(err, u, errs.NotFound)
		_, err = p.read(u, backend.Whole, "")
		p.fails(err, u, errs.NotFound)
		_, err = p.read(u, backend.Range{Offset: 1, Length: 5}, "etag")
		p.fails(err, u, errs.NotFound)
		p.absent(p.store.Delete(p.ctx, u), u)
	}
	p.listed(true, "there")
}

func missingContainer(p *place) {
	if !p.driver.Containers() {
		return // Containers tests that there are none
	}
	u := p.suite.Container(p).WithKey("key")
	_, err := p.store.Stat(p.ctx, u)
	p.fails(err, u, errs.NotFound)
	_, err = p.read(u, backend.Whole, "")
	p.fails(err, u, errs.NotFound)
	_, err = p.store.Put(p.ctx, u, []byte("data"), nil)
	p.fails(err, u, errs.NotFound)
	_, err = p.list(u, true)
	p.fails(err, u, errs.NotFound)
	p.fails(p.store.Mkdir(p.ctx, u), u, errs.NotFound)
	p.fails(p.store.DeleteContainer(p.ctx, u), u, errs.NotFound)
}

func emptyObject(p *place) {
	for _, data := range [][]byte{nil, {}} {
		if info := p.put("empty", data); info.Size != 0 || info.ETag == "" {
			p.Errorf("put says %+v", info)
		}
		p.holds(p.at("empty"), nil)
	}
	for _, r := range []backend.Range{{Offset: 0, Length: 0}, {Offset: 0, Length: 10}} {
		if got, err := p.read(p.at("empty"), r, ""); err != nil || len(got) > 0 {
			p.Errorf("range %v: %d bytes, %v", r, len(got), err)
		}
	}
	_, err := p.read(p.at("empty"), backend.Range{Offset: 1, Length: -1}, "")
	p.fails(err, p.at("empty"), errs.OutOfRange)
	entries, err := p.list(p.base, true)
	p.ok(err)
	p.sameKeys(entries, "empty")
	if len(entries) == 1 && entries[0].Size != 0 {
		p.Errorf("listed as %+v", entries[0])
	}
}

func overwrite(p *place) {
	for i, n := range []int{100, 10_000, 10, 0, 10} {
		data := Content(uint64(i), n)
		p.put("object", data)
		p.holds(p.at("object"), data)
	}
	p.listed(true, "object")
}

func putKeepsNothing(p *place) {
	data := Content(1, 10_000)
	want := slices.Clone(data)
	p.put("object", data)
	clear(data)
	p.holds(p.at("object"), want)
}

func deleteObject(p *place) {
	for _, key := range []string{"a", "ab", "dir/a", "dir/b"} {
		p.put(key, []byte(key))
	}
	for _, key := range []string{"a", "dir/a"} {
		p.ok(p.store.Delete(p.ctx, p.at(key)))
		_, err := p.store.Stat(p.ctx, p.at(key))
		p.fails(err, p.at(key), errs.NotFound)
		p.absent(p.store.Delete(p.ctx, p.at(key)), p.at(key))
	}
	p.listed(true, "ab", "dir/b")
	p.put("a", []byte("again"))
	p.holds(p.at("a"), []byte("again"))
}

// Each is a key as it stands: nothing is decoded or normalised.
var oddKeys = []string{
	"with space", "with+plus", "with%20percent", "with%2Fslash", "with/slash", "100%", "%", "a#b", "#", "a?b=c&d", "?",
	".hidden", "..two", "...", ".dir/.file", "-dash", "~tilde", "q'uote\"s", "less<more>&", "a:b", "a=b", "a*b", "[a]", "{a}", "a,b;c", "a@b!c$d",
	"grüße", "日本語/データ", "\U0001F600", "\u00e9", "e\u0301", "UPPER", "upper", " leading", "trailing ",
}

func keys(p *place) {
	oddKeys := slices.Clone(oddKeys)
	if refuses := p.suite.Refuses; refuses != nil {
		for _, key := range oddKeys {
			if refuses(key) {
				_, err := p.store.Put(p.ctx, p.at(key), []byte("refused"), nil)
				p.fails(err, p.at(key), errs.Invalid)
			}
		}
		oddKeys = slices.DeleteFunc(oddKeys, refuses)
	}
	for i, key := range oddKeys {
		p.put(key, Content(uint64(i), 100+i))
	}
	for i, key := range oddKeys {
		p.holds(p.at(key), Content(uint64(i), 100+i))
		if stat, err := p.store.Stat(p.ctx, p.at(key)); err != nil || stat.Size != int64(100+i) {
			p.Errorf("stat of %q: %+v, %v", key, stat, err)
		}
	}
	want := slices.Sorted(slices.Values(oddKeys))
	p.listed(true, want...)
	for _, key := range oddKeys {
		p.ok(p.store.Delete(p.ctx, p.at(key)))
	}
	if entries, err := p.list(p.base, true); err != nil || len(entries) > 0 {
		p.Errorf("%d keys are left: %v", len(entries), err)
	}
}

func longKey(p *place) {
	const longest, component = 1024, 200
	var b strings.Builder
	for b.Len()+len(p.base.Key) < longest-component-1 {
		b.WriteString(strings.Repeat("k", component) + "/")
	}
	b.WriteString(strings.Repeat("n", longest-b.Len()-len(p.base.Key)))
	key := b.String()
	p.put(key, []byte("long"))
	p.holds(p.at(key), []byte("long"))
	p.listed(true, key)
	p.ok(p.store.Delete(p.ctx, p.at(key)))
}

func large(p *place) {
	data := Content(1, p.suite.Large)
	u := p.at("large")
	info := p.put("large", data)
	p.holds(u, data)
	const pieces = 7
	var all sync.WaitGroup
	for i := range pieces {
		all.Go(func() {
			from, to := len(data)*i/pieces, len(data)*(i+1)/pieces
			got, err := p.read(u, backend.Range{Offset: int64(from), Length: int64(to - from)}, info.ETag)
			if err != nil || string(got) != string(data[from:to]) {
				p.Errorf("bytes %d to %d: got %d, %v", from, to, len(got), err)
			}
		})
	}
	all.Wait()
}
