package retry

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// stumbling is a store whose every second step fails.
type stumbling struct {
	backend.Backend
	steps  int
	parts  []int
	size   int
	gone   bool
	ending int
}

func (s *stumbling) step() error {
	if s.steps++; s.steps%2 == 1 {
		return failure(errs.Connection)
	}
	return nil
}

func (s *stumbling) Create(context.Context, uri.URI, *backend.Attributes) (backend.Upload, error) {
	return &stumblingUpload{s}, s.step()
}

type stumblingUpload struct{ s *stumbling }

func (u *stumblingUpload) PartSize(wanted int64) int64 { return wanted + 1 }

func (u *stumblingUpload) WritePart(_ context.Context, n int, data []byte) error {
	if err := u.s.step(); err != nil {
		return err
	}
	u.s.parts = append(u.s.parts, n)
	u.s.size += len(data)
	return nil
}

func (u *stumblingUpload) Commit(_ context.Context, parts int) (backend.Info, error) {
	u.s.ending = parts
	return backend.Info{Size: int64(u.s.size)}, u.s.step()
}

func (u *stumblingUpload) Abort(context.Context) error {
	u.s.gone = true
	return u.s.step()
}

func TestUploadStumbles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &stumbling{}
		up, err := New(store, policy, known).Create(t.Context(), place, nil)
		if err != nil {
			t.Fatal(err)
		}
		if up.PartSize(10) != 11 {
			t.Error("the part size is not the store's")
		}
		for n := range 3 {
			if err := up.WritePart(t.Context(), n, make([]byte, 11)); err != nil {
				t.Fatal(err)
			}
		}
		info, err := up.Commit(t.Context(), 3)
		if err != nil || info.Size != 33 || store.ending != 3 || len(store.parts) != 3 {
			t.Errorf("%+v, %v, %+v", info, err, store)
		}
		if err := up.Abort(t.Context()); err != nil || !store.gone {
			t.Errorf("%v, %+v", err, store)
		}
	})
}
