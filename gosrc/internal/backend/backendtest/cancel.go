package backendtest

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func cancelled(p *place) {
	ctx, cancel := context.WithCancel(p.ctx)
	cancel()
	p.everyMethodFails(ctx, errs.Cancelled)
}

func deadlinePassed(p *place) {
	ctx, cancel := context.WithTimeout(p.ctx, -time.Second)
	defer cancel()
	p.everyMethodFails(ctx, errs.Timeout)
}

func (p *place) everyMethodFails(ctx context.Context, code errs.Code) {
	p.Helper()
	p.put("object", []byte("data"))
	u, other := p.at("object"), p.at("other")
	_, err := p.store.Stat(ctx, u)
	p.fails(err, u, code)
	_, err = Read(ctx, p, p.store, u, backend.Whole, "")
	p.fails(err, u, code)
	err = p.store.List(ctx, p.base, true, func([]backend.Entry) error { return nil })
	p.fails(err, p.base, code)
	_, err = p.store.Put(ctx, other, []byte("new"), nil)
	p.fails(err, other, code)
	_, err = p.store.Put(ctx, u, []byte("new"), nil)
	p.fails(err, u, code)
	p.fails(p.store.Delete(ctx, u), u, code)
	p.fails(p.store.Mkdir(ctx, other), other, code)
	if p.driver.Containers() {
		c := p.suite.Container(p)
		p.fails(p.store.CreateContainer(ctx, c), c, code)
		p.fails(p.store.DeleteContainer(ctx, p.base), p.base, code)
		if err := p.store.ListContainers(ctx, func([]backend.Entry) error { return nil }); errs.CodeOf(err) != code {
			p.Errorf("ListContainers: %v, want %v", err, code)
		}
	}
	p.holds(u, []byte("data"))
	p.listed(true, "object")
	p.listed(false, "object")
}

// cancelledRead: a body stops when the context of its Open is cancelled.
func cancelledRead(p *place) {
	data := Content(1, p.suite.Large)
	p.put("object", data)
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	body, err := p.store.Open(ctx, p.at("object"), backend.Whole, "")
	p.ok(err)
	defer body.Close()
	start := make([]byte, 1000)
	_, err = io.ReadFull(body, start)
	p.ok(err)
	if !bytes.Equal(start, data[:len(start)]) {
		p.Error("the first bytes are wrong")
	}
	cancel()
	n, err := io.Copy(io.Discard, body)
	if n == int64(len(data)-len(start)) {
		p.Error("all of the object was delivered after the cancellation")
	}
	p.fails(err, p.at("object"), errs.Cancelled)
}

// cancelledPut: whenever it is cancelled, the object is the old one or the new one.
func cancelledPut(p *place) {
	u := p.at("object")
	versions := [][]byte{Content(1, p.suite.Large/4), Content(2, p.suite.Large/4)}
	p.put("object", versions[0])
	for i := range 10 {
		ctx, cancel := context.WithCancel(p.ctx)
		timer := time.AfterFunc(time.Duration(rand.IntN(10_000))*time.Microsecond, cancel)
		_, err := p.store.Put(ctx, u, versions[(i+1)%2], nil)
		if err != nil {
			p.fails(err, u, errs.Cancelled)
		}
		timer.Stop()
		cancel()
		got, readErr := p.read(u, backend.Whole, "")
		p.ok(readErr)
		if !bytes.Equal(got, versions[0]) && !bytes.Equal(got, versions[1]) {
			p.Errorf("after the cancelled put (%v) the object is neither version", err)
		}
		if err == nil && !bytes.Equal(got, versions[(i+1)%2]) {
			p.Error("a successful put left the version before")
		}
	}
	p.listed(true, "object")
}
