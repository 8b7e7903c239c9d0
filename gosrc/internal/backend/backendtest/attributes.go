package backendtest

import (
	"maps"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// attributes: what an object says of itself comes back, however it was stored;
// where the driver says that there is no place for it, it is stored without.
func attributes(p *place) {
	given := &backend.Attributes{
		ContentType: "application/x-npz",
		Metadata:    map[string]string{"step": "1200", "run-name": "a = b;"},
	}
	if p.suite.Identifiers {
		_, err := p.store.Put(p.ctx, p.at("put"), nil, given)
		p.fails(err, p.at("put"), errs.Invalid)
		_, err = p.store.Create(p.ctx, p.at("put"), given)
		p.fails(err, p.at("put"), errs.Invalid)
		given.Metadata = map[string]string{"step": "1200", "run_name": "a = b;"}
	}
	for _, key := range p.storeInEveryWay(given) {
		info, err := p.store.Stat(p.ctx, p.at(key))
		p.ok(err)
		want := *given
		if !p.driver.Attributes {
			want = backend.Attributes{}
		}
		if info.ContentType != want.ContentType || !maps.Equal(info.Metadata, want.Metadata) {
			p.Errorf("%s: stat says %q, %v: want %q, %v", key, info.ContentType, info.Metadata, want.ContentType, want.Metadata)
		}
	}
	_, err := p.store.Put(p.ctx, p.at("put"), nil, nil)
	p.ok(err)
	info, err := p.store.Stat(p.ctx, p.at("put"))
	p.ok(err)
	if len(info.Metadata) != 0 || strings.Contains(info.ContentType, "npz") {
		p.Errorf("what replaced an object says what that said: %q, %v", info.ContentType, info.Metadata)
	}
}

// storeInEveryWay stores objects with these attributes and returns their keys.
func (p *place) storeInEveryWay(given *backend.Attributes) (keys []string) {
	p.Helper()
	_, err := p.store.Put(p.ctx, p.at("put"), []byte("data"), given)
	p.ok(err)
	for parts, key := range []string{"no parts", "uploaded"} {
		up, err := p.store.Create(p.ctx, p.at(key), given)
		p.ok(err)
		up.PartSize(p.suite.PartSize)
		if parts > 0 {
			p.ok(up.WritePart(p.ctx, 0, []byte("data")))
		}
		_, err = up.Commit(p.ctx, parts)
		p.ok(err)
	}
	return []string{"put", "no parts", "uploaded"}
}

// storageClasses: the one asked for is told of the object and in listings; where
// the driver says that there are none, it is left out.
func storageClasses(p *place) {
	class := p.suite.StorageClass
	if class == "" && !p.driver.StorageClasses {
		class = "ANY"
	}
	want := map[string]string{p.at("default").Key: ""}
	for _, key := range p.storeInEveryWay(&backend.Attributes{StorageClass: class}) {
		want[p.at(key).Key] = p.suite.StorageClass
	}
	p.put("default", nil)
	entries, err := p.list(p.base, true)
	p.ok(err)
	if len(entries) != len(want) {
		p.Errorf("listed %+v", entries)
	}
	for _, e := range entries {
		info, err := p.store.Stat(p.ctx, p.base.WithKey(e.Key))
		p.ok(err)
		for _, told := range []string{e.StorageClass, info.StorageClass} {
			if told != want[e.Key] && (want[e.Key] != "" || told != "STANDARD") {
				p.Errorf("%s: the storage class is %q in the listing and %q of the object: want %q", e.Key, e.StorageClass, info.StorageClass, want[e.Key])
			}
		}
	}
}
