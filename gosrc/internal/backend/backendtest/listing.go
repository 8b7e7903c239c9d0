package backendtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap/pool"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// In the order of bytes '.' and '-' come before '/', digits and letters after it.
var tree = []string{
	"a b", "a-b", "a.b", "a/b", "a/b.c", "a/b-/c", "a0", "ab", "b/c/d/e", "b/c/d/f", "b/c0", "z", "Z", "\u00e9", "~", "_", ".h/x",
}

func plant(p *place) {
	for i, key := range tree {
		p.put(key, Content(uint64(i), i))
	}
}

func listRecursive(p *place) {
	plant(p)
	p.listed(true, slices.Sorted(slices.Values(tree))...)
	entries, err := p.list(p.base, true)
	p.ok(err)
	for _, e := range entries {
		stat, err := p.store.Stat(p.ctx, p.base.WithKey(e.Key))
		p.ok(err)
		if e.Size != stat.Size || e.ETag != stat.ETag || e.ModTime.Sub(stat.ModTime).Abs() > 2*time.Second {
			p.Errorf("listed as %+v, stat says %+v", e, stat)
		}
	}
}

func listFolded(p *place) {
	plant(p)
	p.listed(false, ".h/", "Z", "_", "a b", "a-b", "a.b", "a/", "a0", "ab", "b/", "z", "~", "\u00e9")
	entries, err := p.list(p.base, false)
	p.ok(err)
	for _, e := range entries {
		if isPrefix := e.Key[len(e.Key)-1] == '/'; isPrefix != (e.Size == -1) {
			p.Errorf("%q is listed with size %d", e.Key, e.Size)
		}
	}
	entries, err = p.list(p.at("b/"), false)
	p.ok(err)
	p.sameKeys(entries, "b/c/", "b/c0")
	entries, err = p.list(p.at("b/"), true)
	p.ok(err)
	p.sameKeys(entries, "b/c/d/e", "b/c/d/f", "b/c0")
}

// listPrefix: object stores match the beginnings of keys, local schemes directories.
func listPrefix(p *place) {
	for _, key := range []string{"dir/x", "dir/y/z", "dir2/x", "di"} {
		p.put(key, []byte(key))
	}
	check := func(prefix string, recursive bool, want ...string) {
		p.Helper()
		entries, err := p.list(p.at(prefix), recursive)
		p.ok(err)
		p.sameKeys(entries, want...)
	}
	check("dir/", true, "dir/x", "dir/y/z")
	check("dir/", false, "dir/x", "dir/y/")
	if p.driver.Directories {
		check("dir", true, "dir/x", "dir/y/z")
		check("dir", false, "dir/x", "dir/y/")
		_, err := p.list(p.at("d"), true)
		p.fails(err, p.at("d"), errs.NotFound)
		return
	}
	check("dir", true, "dir/x", "dir/y/z", "dir2/x")
	check("dir", false, "dir/", "dir2/")
	check("d", true, "di", "dir/x", "dir/y/z", "dir2/x")
	check("d", false, "di", "dir/", "dir2/")
}

func listNothing(p *place) {
	p.listed(true)
	p.listed(false)
	p.put("other", nil)
	entries, err := p.list(p.at("none/"), true)
	if p.driver.Directories {
		p.fails(err, p.at("none/"), errs.NotFound)
	} else if err != nil || len(entries) > 0 {
		p.Errorf("listed %v, %v", entries, err)
	}
}

func listOne(p *place) {
	p.put("dir/file", []byte("1"))
	for _, recursive := range []bool{true, false} {
		entries, err := p.list(p.at("dir/file"), recursive)
		p.ok(err)
		p.sameKeys(entries, "dir/file")
	}
}

func listPages(p *place) {
	const n, writers = 1_100, 16
	want := make([]string, n)
	for i := range want {
		want[i] = fmt.Sprintf("d%d/%04d", i/500, i)
	}
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := w; i < n; i += writers {
				if _, err := p.store.Put(p.ctx, p.at(want[i]), []byte{1}, nil); err != nil {
					p.Error(err)
				}
			}
		})
	}
	all.Wait()
	var pages [][]backend.Entry // kept: a page is not overwritten by the next
	p.ok(p.store.List(p.ctx, p.base, true, func(page []backend.Entry) error {
		pages = append(pages, page)
		return nil
	}))
	if len(pages) < 2 {
		p.Errorf("%d entries came in %d pages", n, len(pages))
	}
	p.sameKeys(slices.Concat(pages...), want...)
}

func listEndedByPage(p *place) {
	p.put("a", nil)
	p.put("b/c", nil)
	enough := errors.New("enough")
	for _, recursive := range []bool{true, false} {
		calls := 0
		err := p.store.List(p.ctx, p.base, recursive, func([]backend.Entry) error {
			calls++
			return enough
		})
		if !errors.Is(err, enough) || calls != 1 {
			p.Errorf("after %d pages the listing returned %v", calls, err)
		}
	}
}

// A listing can begin behind a key; what is folded may appear once more.
func listAfter(p *place) {
	if !p.suite.Continued {
		return
	}
	from := p.store.(pool.Continued)
	for _, key := range []string{"a", "b +%&", "c/d", "c/e", "f"} {
		p.put(key, nil)
	}
	for _, c := range []struct {
		after     string
		recursive bool
		want      []string
	}{
		{"a", true, []string{"b +%&", "c/d", "c/e", "f"}}, {"b +%&", true, []string{"c/d", "c/e", "f"}},
		{"b +%&", false, []string{"c/", "f"}}, {"c/", false, []string{"f"}}, {"c/d", true, []string{"c/e", "f"}}, {"f", true, nil},
	} {
		var got []string
		err := from.ListAfter(p.ctx, p.base, c.recursive, p.at(c.after).Key, func(entries []backend.Entry) error {
			for _, e := range entries {
				got = append(got, strings.TrimPrefix(e.Key, p.base.Key))
			}
			return nil
		})
		if err != nil || !slices.Equal(got, c.want) {
			p.Errorf("behind %q, recursive %v: %q, %v; want %q", c.after, c.recursive, got, err, c.want)
		}
	}
}
