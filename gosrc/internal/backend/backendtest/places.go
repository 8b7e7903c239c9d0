package backendtest

import (
	"slices"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func directories(p *place) {
	p.ok(p.store.Mkdir(p.ctx, p.at("a/b/")))
	p.ok(p.store.Mkdir(p.ctx, p.at("a/b")))
	p.put("c/d", []byte("d"))
	if !p.driver.Directories {
		p.listed(false, "c/") // Mkdir made nothing
		_, err := p.store.Stat(p.ctx, p.at("c"))
		p.fails(err, p.at("c"), errs.NotFound)
		_, err = p.read(p.at("c"), backend.Whole, "")
		p.fails(err, p.at("c"), errs.NotFound)
		return
	}
	p.listed(false, "a/", "c/")
	p.listed(true, "c/d")
	for _, key := range []string{"a", "a/", "a/b", "c"} {
		u := p.at(key)
		if stat, err := p.store.Stat(p.ctx, u); err != nil || !stat.IsDir {
			p.Errorf("stat of %s: %+v, %v", u, stat, err)
		}
		_, err := p.read(u, backend.Whole, "")
		p.fails(err, u, errs.IsDirectory)
		_, err = p.store.Put(p.ctx, u, []byte("x"), nil)
		p.fails(err, u, errs.IsDirectory)
		_, err = p.store.Create(p.ctx, u, nil)
		p.fails(err, u, errs.IsDirectory)
	}
	p.fails(p.store.Delete(p.ctx, p.at("c")), p.at("c"), errs.IsDirectory)
	p.holds(p.at("c/d"), []byte("d"))
	p.ok(p.store.Delete(p.ctx, p.at("a/b/")))
	p.ok(p.store.Delete(p.ctx, p.at("a")))
	p.listed(false, "c/")
	p.fails(p.store.Mkdir(p.ctx, p.at("c/d")), p.at("c/d"), errs.NotDirectory)
	p.fails(p.store.Mkdir(p.ctx, p.at("c/d/e")), p.at("c/d/e"), errs.NotDirectory)
	_, err := p.store.Put(p.ctx, p.at("c/d/e"), nil, nil)
	p.fails(err, p.at("c/d/e"), errs.NotDirectory)
	_, err = p.store.Stat(p.ctx, p.at("c/d/e"))
	p.fails(err, p.at("c/d/e"), errs.NotFound)
}

func containers(p *place) {
	if !p.driver.Containers() {
		p.fails(p.store.CreateContainer(p.ctx, p.base), p.base, errs.Unsupported)
		p.fails(p.store.DeleteContainer(p.ctx, p.base), p.base, errs.Unsupported)
		if err := p.store.ListContainers(p.ctx, func([]backend.Entry) error { return nil }); errs.CodeOf(err) != errs.Unsupported {
			p.Errorf("ListContainers: %v", err)
		}
		return
	}
	u := p.suite.Container(p)
	p.ok(p.store.CreateContainer(p.ctx, u))
	p.fails(p.store.CreateContainer(p.ctx, u), u, errs.AlreadyExists)
	p.ok(p.store.Mkdir(p.ctx, u))
	if !slices.Contains(p.containerNames(), u.Container) {
		p.Errorf("%s is not listed", u)
	}
	key := u.WithKey("key")
	_, err := p.store.Put(p.ctx, key, []byte("kept"), nil)
	p.ok(err)
	if err := p.store.DeleteContainer(p.ctx, u); err == nil {
		p.Error("deleted a container that was not empty")
	}
	p.holds(key, []byte("kept"))
	p.ok(p.store.Delete(p.ctx, key))
	p.ok(p.store.DeleteContainer(p.ctx, u))
	p.fails(p.store.DeleteContainer(p.ctx, u), u, errs.NotFound)
	if slices.Contains(p.containerNames(), u.Container) {
		p.Errorf("%s is still listed", u)
	}
}

func (p *place) containerNames() (names []string) {
	p.ok(p.store.ListContainers(p.ctx, func(page []backend.Entry) error {
		if len(page) == 0 {
			p.Error("an empty page")
		}
		for _, e := range page {
			names = append(names, e.Key)
		}
		return nil
	}))
	return names
}
