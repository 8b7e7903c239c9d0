package backendtest

import (
	"maps"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
)

// attributes: what an object says of itself comes back, however it was stored;
// where the driver says that there is no place for it, it is stored without.
func attributes(p *place) {
	given := &backend.Attributes{
		ContentType: "application/x-npz",
		Metadata:    map[string]string{"step": "1200", "run-name": "a = b;"},
	}
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
	for _, key := range []string{"put", "no parts", "uploaded"} {
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
	_, err = p.store.Put(p.ctx, p.at("put"), nil, nil)
	p.ok(err)
	info, err := p.store.Stat(p.ctx, p.at("put"))
	p.ok(err)
	if len(info.Metadata) != 0 || strings.Contains(info.ContentType, "npz") {
		p.Errorf("what replaced an object says what that said: %q, %v", info.ContentType, info.Metadata)
	}
}
