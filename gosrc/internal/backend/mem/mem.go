// Package mem keeps objects in the memory of the process: mem://container/key.
//
// There is one store, which all clients share, so that what one writes another
// reads. It behaves as an object store does; containers must be created first.
package mem

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func init() {
	backend.Register(backend.Driver{
		Scheme:         "mem",
		Attributes:     true,
		StorageClasses: true,
		Endpoints:      func(*config.Config) ([]string, error) { return nil, nil },
		New: func(context.Context, *config.Config, string) (backend.Backend, error) {
			return client{&shared}, nil
		},
	})
}

// object never changes: another version is another object.
type object struct {
	data []byte
	info backend.Info
}

// container holds its objects by key.
type container struct {
	objects map[string]*object
	created time.Time
}

type store struct {
	mu         sync.RWMutex
	containers map[string]*container
	versions   atomic.Int64
}

var shared = store{containers: map[string]*container{}}

type client struct{ *store }

// in calls f with the container of u while the store is locked.
func (s *store) in(ctx context.Context, op string, u uri.URI, write bool, f func(*container) error) error {
	if err := ctx.Err(); err != nil {
		return errs.From(err, op, u.String())
	}
	if write {
		s.mu.Lock()
		defer s.mu.Unlock()
	} else {
		s.mu.RLock()
		defer s.mu.RUnlock()
	}
	c, ok := s.containers[u.Container]
	if !ok {
		return errs.New(errs.NotFound, op, u.String(), "not found: there is no container %q", u.Container).
			WithHint("Create it first")
	}
	return f(c)
}

func (s *store) object(ctx context.Context, op string, u uri.URI) (*object, error) {
	var o *object
	err := s.in(ctx, op, u, false, func(c *container) error {
		if o = c.objects[u.Key]; o == nil {
			return errs.New(errs.NotFound, op, u.String(), "not found")
		}
		return nil
	})
	return o, err
}

// publish makes data the object, which from now on belongs to the store.
func (s *store) publish(ctx context.Context, u uri.URI, data []byte, a *backend.Attributes) (backend.Info, error) {
	if u.Key == "" {
		return backend.Info{}, errs.New(errs.Invalid, "put", u.String(), "the URI has no key")
	}
	o := &object{data, backend.Info{
		Size: int64(len(data)), ModTime: time.Now(), ETag: fmt.Sprintf("%x", s.versions.Add(1)),
	}}
	if a != nil {
		o.info.ContentType, o.info.Metadata, o.info.StorageClass = a.ContentType, a.Metadata, a.StorageClass
	}
	return o.info, s.in(ctx, "put", u, true, func(c *container) error {
		c.objects[u.Key] = o
		return nil
	})
}

func (c client) Stat(ctx context.Context, u uri.URI) (backend.Info, error) {
	o, err := c.object(ctx, "stat", u)
	if err != nil {
		return backend.Info{}, err
	}
	return o.info, nil
}

func (c client) Open(ctx context.Context, u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	o, err := c.version(ctx, "get", u, etag)
	if err != nil {
		return nil, err
	}
	from, to, err := r.Cut("get", u, o.info.Size)
	if err != nil {
		return nil, err
	}
	return &reader{ctx: ctx, u: u, info: o.info, rest: o.data[from:to], length: to - from}, nil
}

func (c client) Put(ctx context.Context, u uri.URI, data []byte, a *backend.Attributes) (backend.Info, error) {
	return c.publish(ctx, u, bytes.Clone(data), a)
}

func (c client) Delete(ctx context.Context, u uri.URI) error {
	return c.in(ctx, "delete", u, true, func(c *container) error {
		delete(c.objects, u.Key)
		return nil
	})
}

func (c client) Mkdir(ctx context.Context, u uri.URI) error {
	return c.in(ctx, "mkdir", u, false, func(*container) error { return nil })
}

func (c client) CreateContainer(ctx context.Context, u uri.URI) error {
	if err := ctx.Err(); err != nil {
		return errs.From(err, "create_container", u.String())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.containers[u.Container] != nil {
		return errs.New(errs.AlreadyExists, "create_container", u.String(), "the container %q already exists", u.Container)
	}
	c.containers[u.Container] = &container{map[string]*object{}, time.Now()}
	return nil
}

func (c client) DeleteContainer(ctx context.Context, u uri.URI) error {
	return c.in(ctx, "delete_container", u, true, func(found *container) error {
		if n := len(found.objects); n > 0 {
			return errs.New(errs.Invalid, "delete_container", u.String(), "the container is not empty: it holds %d objects", n).
				WithHint("Delete them first")
		}
		delete(c.containers, u.Container)
		return nil
	})
}

func (c client) ListContainers(ctx context.Context, page func([]backend.Entry) error) error {
	if err := ctx.Err(); err != nil {
		return errs.From(err, "list_containers", "mem://")
	}
	c.mu.RLock()
	var entries []backend.Entry
	for _, name := range slices.Sorted(maps.Keys(c.containers)) {
		entries = append(entries, backend.Entry{Key: name, ModTime: c.containers[name].created})
	}
	c.mu.RUnlock()
	return paged(ctx, "list_containers", uri.URI{Scheme: "mem"}, entries, page)
}

func (client) Close() error { return nil }
