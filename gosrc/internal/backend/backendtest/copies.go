package backendtest

import (
	"context"
	"maps"
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// copier is the store as one that copies by itself; nil where it does not.
func (p *place) copier() backend.Copier {
	if backend.CopyLimit(p.store) == 0 {
		return nil
	}
	return p.store.(backend.Copier)
}

// copies: bytes and attributes of the source, whatever its key, also across containers.
func copies(p *place) {
	c := p.copier()
	if c == nil {
		return
	}
	given := &backend.Attributes{ContentType: "application/x-npz", Metadata: map[string]string{"step": "1200"}}
	other := p.suite.Container(p)
	p.ok(p.store.CreateContainer(p.ctx, other))
	for i, key := range append([]string{"[+re.name]!@£$%^&*_(src)", "a b+c%20d/e?f=1"}, oddKeys...) {
		data := Content(uint64(i), i*100) // the first is empty
		from, err := p.store.Put(p.ctx, p.at(key), data, given)
		p.ok(err)
		for _, to := range []uri.URI{p.at("copies/" + key), other.WithKey(key)} {
			info, err := c.Copy(p.ctx, p.at(key), from.ETag, to)
			p.ok(err)
			p.holds(to, data)
			stat, err := p.store.Stat(p.ctx, to)
			p.ok(err)
			if info.ETag == "" || info.ETag != stat.ETag || stat.ContentType != given.ContentType || !maps.Equal(stat.Metadata, given.Metadata) {
				p.Errorf("the copy at %s is %+v, and answered as %+v", to, stat, info)
			}
		}
	}
	now := p.put("over", Content(1, 2000))
	p.put("copies/over", Content(2, 3000))
	_, err := c.Copy(p.ctx, p.at("over"), now.ETag, p.at("copies/over"))
	p.ok(err)
	p.holds(p.at("copies/over"), Content(1, 2000))
	p.put("over", nil) // the copy stays
	p.holds(p.at("copies/over"), Content(1, 2000))
}

// copiesRefused: the error names the object it is about, and the target stays as it was.
func copiesRefused(p *place) {
	c := p.copier()
	if c == nil {
		return
	}
	now := p.put("object", []byte("data"))
	nowhere := p.suite.Container(p).WithKey("key")
	gone, cancel := context.WithCancel(p.ctx)
	cancel()
	for _, try := range []struct {
		ctx      context.Context
		from     uri.URI
		etag     string
		to       uri.URI
		code     errs.Code
		concerns uri.URI
	}{
		{p.ctx, p.at("missing"), "", p.at("copy"), errs.NotFound, p.at("missing")},
		{p.ctx, p.at("object"), "no-such-etag", p.at("copy"), errs.Changed, p.at("object")},
		{p.ctx, p.at("object"), now.ETag, nowhere, errs.NotFound, nowhere},
		{gone, p.at("object"), now.ETag, p.at("copy"), errs.Cancelled, uri.URI{}},
	} {
		_, err := c.Copy(try.ctx, try.from, try.etag, try.to)
		if try.concerns.Key == "" {
			try.concerns = try.to
			if e := errs.From(err, "", ""); e.URI == try.from.String() { // given up before it is clear
				try.concerns = try.from
			}
		}
		p.fails(err, try.concerns, try.code)
	}
	p.listed(true, "object")
}

// copiedParts: an upload whose parts are copies.
func copiedParts(p *place) {
	c := p.copier()
	if c == nil {
		return
	}
	given := &backend.Attributes{ContentType: "application/x-npz", Metadata: map[string]string{"step": "1200"}}
	up, err := c.CreateCopy(p.ctx, p.at("object"), given)
	if c.CopyLimit() == backend.CopiesAll && errs.CodeOf(err) == errs.Unsupported {
		return
	}
	p.ok(err)
	size := up.PartSize(p.suite.PartSize)
	data := Content(1, int(size)*2+100)
	now := p.put("a source", data)
	part := func(i int) backend.Range {
		return backend.Range{Offset: int64(i) * size, Length: min(size, int64(len(data))-int64(i)*size)}
	}
	p.fails(up.CopyPart(p.ctx, 0, p.at("a source"), part(0), "no-such-etag"), p.at("a source"), errs.Changed)
	p.fails(up.CopyPart(p.ctx, 0, p.at("missing"), part(0), ""), p.at("missing"), errs.NotFound)
	var all sync.WaitGroup
	for _, i := range []int{2, 0, 1} {
		all.Go(func() {
			if err := up.CopyPart(p.ctx, i, p.at("a source"), part(i), now.ETag); err != nil {
				p.Error(err)
			}
		})
	}
	all.Wait()
	p.listed(true, "a source")
	info, err := up.Commit(p.ctx, 3)
	p.ok(err)
	stat, err := p.store.Stat(p.ctx, p.at("object"))
	p.ok(err)
	if info.Size != int64(len(data)) || stat.ETag != info.ETag || stat.ContentType != given.ContentType || !maps.Equal(stat.Metadata, given.Metadata) {
		p.Errorf("commit says %+v, stat %+v", info, stat)
	}
	p.holds(p.at("object"), data)
	up, err = c.CreateCopy(p.ctx, p.at("given up"), nil)
	p.ok(err)
	up.PartSize(size)
	p.ok(up.CopyPart(p.ctx, 0, p.at("a source"), part(0), now.ETag))
	p.ok(up.Abort(p.ctx))
	p.listed(true, "a source", "object")
}
