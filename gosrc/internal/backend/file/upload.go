package file

import (
	"context"
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// upload writes each part to its place in the temporary file.
type upload struct {
	u uri.URI

	open sync.RWMutex // held for reading while a part is written
	temp *temp        // nil once committed or aborted

	mu       sync.Mutex
	partSize int64
	written  map[int]int64 // lengths of the parts
}

func (s *store) Create(ctx context.Context, u uri.URI, _ *backend.Attributes) (backend.Upload, error) {
	t, err := s.newTemp(ctx, u)
	if err != nil {
		return nil, failure("put", u, err)
	}
	return &upload{u: u, temp: t, written: map[int]int64{}}, nil
}

func (up *upload) PartSize(wanted int64) int64 {
	up.open.RLock()
	defer up.open.RUnlock()
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.partSize == 0 && up.temp != nil {
		align := up.temp.access.Align()
		up.partSize = (max(wanted, 1) + align - 1) / align * align
	}
	return up.partSize
}

func (up *upload) WritePart(ctx context.Context, n int, data []byte) error {
	up.open.RLock()
	defer up.open.RUnlock()
	if up.temp == nil {
		return up.finished()
	}
	size := up.note(n, -1)
	if n < 0 || int64(len(data)) > size {
		return errs.New(errs.Invalid, "put", up.u.String(), "part %d of %d bytes: parts have %d bytes", n, len(data), size)
	}
	if err := up.temp.write(ctx, data, int64(n)*size); err != nil {
		return failure("put", up.u, err)
	}
	up.note(n, int64(len(data)))
	return nil
}

// note remembers how much of part n is stored (-1: not all) and returns the part size.
func (up *upload) note(n int, length int64) int64 {
	up.mu.Lock()
	defer up.mu.Unlock()
	up.written[n] = length
	return up.partSize
}

func (up *upload) Commit(ctx context.Context, parts int) (backend.Info, error) {
	up.open.Lock()
	defer up.open.Unlock()
	if up.temp == nil {
		return backend.Info{}, up.finished()
	}
	var size int64
	for n := range parts {
		length, ok := up.written[n]
		if !ok || length < 0 || n < parts-1 && length != up.partSize {
			return backend.Info{}, errs.New(errs.Invalid, "put", up.u.String(), "part %d of %d is missing or incomplete", n, parts)
		}
		size += length
	}
	info, err := up.temp.publish(ctx, size)
	up.temp = nil
	return info, failure("put", up.u, err)
}

func (up *upload) Abort(context.Context) error {
	up.open.Lock()
	defer up.open.Unlock()
	if up.temp != nil {
		up.temp.discard()
		up.temp = nil
	}
	return nil
}

func (up *upload) finished() error {
	return errs.New(errs.Closed, "put", up.u.String(), "the upload is already finished")
}
