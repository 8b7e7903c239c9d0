package hdfs

import (
	"context"
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// upload has a temporary file for each part: parts are stored at once and in any
// order, and one that failed is simply stored again. The namenode joins them.
type upload struct {
	u      uri.URI
	c      *cluster
	target target

	open  sync.RWMutex // held for reading while a part is written
	done  bool
	whole *whole // the parts in one file; nil: not yet

	mu       sync.Mutex
	partSize int64
	parts    map[int]part
}

type part struct {
	name string
	size int64
}

func (s *store) Create(ctx context.Context, u uri.URI, _ *backend.Attributes) (backend.Upload, error) {
	up := &upload{u: u, parts: map[int]part{}}
	err := s.do(ctx, "put", u, func(ses *session) (err error) {
		up.c = ses.cluster
		up.target, err = ses.target(u)
		return err
	})
	if err != nil {
		return nil, err
	}
	return up, nil
}

func (up *upload) PartSize(wanted int64) int64 {
	up.mu.Lock()
	defer up.mu.Unlock()
	up.partSize = max(wanted, 1)
	return up.partSize
}

func (up *upload) WritePart(ctx context.Context, n int, data []byte) error {
	up.open.RLock()
	defer up.open.RUnlock()
	if up.done {
		return up.finished()
	}
	if size := up.size(); n < 0 || int64(len(data)) > size {
		return errs.New(errs.Invalid, "put", up.u.String(), "part %d of %d bytes: parts have %d bytes", n, len(data), size)
	}
	name := up.target.newName()
	err := up.c.with(ctx, func(ses *session) error {
		_, err := ses.write(ctx, name, up.target.mode, content(data))
		return err
	})
	if err != nil {
		return failure("put", up.u, err)
	}
	if before, ok := up.note(n, part{name, int64(len(data))}); ok {
		up.c.remove(ctx, before.name)
	}
	return nil
}

func (up *upload) size() int64 {
	up.mu.Lock()
	defer up.mu.Unlock()
	return up.partSize
}

// note remembers a part, and returns the one that it replaces.
func (up *upload) note(n int, p part) (before part, ok bool) {
	up.mu.Lock()
	defer up.mu.Unlock()
	before, ok = up.parts[n]
	up.parts[n] = p
	return before, ok
}

func (up *upload) Commit(ctx context.Context, parts int) (info backend.Info, err error) {
	up.open.Lock()
	defer up.open.Unlock()
	if up.done {
		return info, up.finished()
	}
	files, size, err := up.files(parts)
	if err != nil {
		return info, err
	}
	err = up.c.with(ctx, func(ses *session) error {
		if up.whole == nil {
			if up.whole, err = ses.join(ctx, up.target, files, size); err != nil {
				return err
			}
		}
		return ses.publishAgain(up.target, up.whole)
	})
	if err != nil {
		return info, failure("put", up.u, err)
	}
	up.done = true
	up.clear(ctx)
	return up.whole.info, nil
}

// files are those that make the object, in order. Empty ones add nothing.
func (up *upload) files(parts int) (files []string, size int64, err error) {
	up.mu.Lock()
	defer up.mu.Unlock()
	for n := range parts {
		p, ok := up.parts[n]
		if !ok || n < parts-1 && p.size != up.partSize {
			return nil, 0, errs.New(errs.Invalid, "put", up.u.String(), "part %d of %d is missing or incomplete", n, parts)
		}
		if p.size > 0 {
			files = append(files, p.name)
			size += p.size
		}
	}
	return files, size, nil
}

func (up *upload) Abort(ctx context.Context) error {
	up.open.Lock()
	defer up.open.Unlock()
	if !up.done {
		up.done = true
		up.clear(ctx)
	}
	return nil
}

// clear removes the temporary files, or those that are left.
func (up *upload) clear(ctx context.Context) {
	var names []string
	for _, p := range up.parts {
		names = append(names, p.name)
	}
	if up.whole != nil {
		names = append(names, up.whole.name)
	}
	up.c.remove(ctx, names...)
}

func (up *upload) finished() error {
	return errs.New(errs.Closed, "put", up.u.String(), "the upload is already finished")
}
