package backendtest

import (
	"context"
	"math/rand/v2"
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// create starts an upload of n parts of which the last is short; part i is data[i].
func (p *place) create(key string, seed uint64, n int) (up backend.Upload, data []byte, part func(int) []byte) {
	p.Helper()
	up, err := p.store.Create(p.ctx, p.at(key), nil)
	p.ok(err)
	size := up.PartSize(p.suite.PartSize)
	if size < p.suite.PartSize {
		p.Fatalf("PartSize(%d) is %d", p.suite.PartSize, size)
	}
	data = Content(seed, int(size)*(n-1)+int(size)/3+1)
	return up, data, func(i int) []byte {
		from := i * int(size)
		return data[from:min(from+int(size), len(data))]
	}
}

// invisible checks that nothing is at key, not even part of a name.
func (p *place) invisible(key string) {
	p.Helper()
	_, err := p.store.Stat(p.ctx, p.at(key))
	p.fails(err, p.at(key), errs.NotFound)
	p.listed(true)
}

func uploadParts(p *place) {
	const n = 4
	up, data, part := p.create("dir/object", 1, n)
	var all sync.WaitGroup
	for _, i := range rand.Perm(n) {
		all.Go(func() {
			if err := up.WritePart(p.ctx, i, part(i)); err != nil {
				p.Error(err)
			}
		})
	}
	all.Wait()
	info, err := up.Commit(p.ctx, n)
	p.ok(err)
	stat, err := p.store.Stat(p.ctx, p.at("dir/object"))
	p.ok(err)
	if info.Size != int64(len(data)) || info.ETag != stat.ETag || stat.Size != info.Size {
		p.Errorf("commit says %+v, stat %+v: want %d bytes", info, stat, len(data))
	}
	p.holds(p.at("dir/object"), data)
	p.ok(up.Abort(p.ctx)) // harmless now
	p.holds(p.at("dir/object"), data)
	p.listed(true, "dir/object")
}

// uploadInvisible: until Commit nothing, or what was there before, is seen.
func uploadInvisible(p *place) {
	up, _, part := p.create("new/object", 1, 2)
	p.invisible("new/object")
	for i := range 2 {
		p.ok(up.WritePart(p.ctx, i, part(i)))
		p.invisible("new/object")
	}
	p.ok(up.Abort(p.ctx))
	p.invisible("new/object")
	p.ok(up.Abort(p.ctx))
	p.listed(false) // no directory made for it is left either

	old := Content(7, 1000)
	p.put("object", old)
	up, data, part := p.create("object", 2, 2)
	for i := range 2 {
		p.ok(up.WritePart(p.ctx, i, part(i)))
		p.holds(p.at("object"), old)
		p.listed(true, "object")
	}
	_, err := up.Commit(p.ctx, 2)
	p.ok(err)
	p.holds(p.at("object"), data)
	up, _, part = p.create("object", 3, 1)
	p.ok(up.WritePart(p.ctx, 0, part(0)))
	p.ok(up.Abort(p.ctx))
	p.holds(p.at("object"), data)
}

// uploadAgain: a part that failed, or that was wrong, is written again; the last writing counts.
func uploadAgain(p *place) {
	up, data, part := p.create("object", 1, 3)
	gone, cancel := context.WithCancel(p.ctx)
	cancel()
	for i := range 3 {
		p.fails(up.WritePart(gone, i, part(i)), p.at("object"), errs.Cancelled)
	}
	p.ok(up.WritePart(p.ctx, 1, Content(8, len(part(1)))))
	p.ok(up.WritePart(p.ctx, 2, part(0))) // longer than it will be
	for _, i := range []int{2, 1, 0} {
		mine := append([]byte(nil), part(i)...)
		p.ok(up.WritePart(p.ctx, i, mine))
		clear(mine) // not used after the return
	}
	info, err := up.Commit(p.ctx, 3)
	p.ok(err)
	if info.Size != int64(len(data)) {
		p.Errorf("commit says %+v: want %d bytes", info, len(data))
	}
	p.holds(p.at("object"), data)
}

func uploadIncomplete(p *place) {
	for lost := range 3 {
		up, _, part := p.create("object", 1, 3)
		for i := range 3 {
			if i != lost {
				p.ok(up.WritePart(p.ctx, i, part(i)))
			}
		}
		if info, err := up.Commit(p.ctx, 3); err == nil {
			p.Fatalf("committed without part %d: %+v", lost, info)
		}
		p.invisible("object")
		p.ok(up.Abort(p.ctx))
		p.invisible("object")
		p.listed(false)
	}
}

func uploadEmpty(p *place) {
	for i, key := range []string{"no part", "empty part"} {
		up, err := p.store.Create(p.ctx, p.at(key), nil)
		p.ok(err)
		up.PartSize(p.suite.PartSize)
		if i == 1 {
			p.ok(up.WritePart(p.ctx, 0, nil))
		}
		info, err := up.Commit(p.ctx, i)
		p.ok(err)
		if info.Size != 0 || info.ETag == "" {
			p.Errorf("commit says %+v", info)
		}
		p.holds(p.at(key), nil)
	}
}

func uploadCancelled(p *place) {
	gone, cancel := context.WithCancel(p.ctx)
	cancel()
	_, err := p.store.Create(gone, p.at("object"), nil)
	p.fails(err, p.at("object"), errs.Cancelled)
	p.invisible("object")
	up, _, part := p.create("object", 1, 1)
	p.ok(up.WritePart(p.ctx, 0, part(0)))
	_, err = up.Commit(gone, 1)
	p.fails(err, p.at("object"), errs.Cancelled)
	p.invisible("object")
	p.ok(up.Abort(p.ctx))
	p.invisible("object")
	p.listed(false)
}
