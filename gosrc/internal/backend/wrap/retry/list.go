package retry

import (
	"context"
	"slices"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap/pool"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// List goes on behind the last key delivered.
func (b *Backend) List(ctx context.Context, u uri.URI, recursive bool, page func([]backend.Entry) error) error {
	return b.list(ctx, "list", u, page, func(after string, page func([]backend.Entry) error) error {
		if from, ok := b.inner.(pool.Continued); ok && after != "" {
			return from.ListAfter(ctx, u, recursive, after, page)
		}
		return b.inner.List(ctx, u, recursive, page)
	})
}

// ListContainers repeats without the names already delivered.
func (b *Backend) ListContainers(ctx context.Context, page func([]backend.Entry) error) error {
	return b.list(ctx, "list_containers", uri.URI{}, page, func(_ string, page func([]backend.Entry) error) error {
		return b.inner.ListContainers(ctx, page)
	})
}

func (b *Backend) list(ctx context.Context, op string, u uri.URI, page func([]backend.Entry) error,
	f func(after string, page func([]backend.Entry) error) error,
) error {
	t := b.trial(ctx, op, u)
	var last string
	var refused error // by the consumer
	for {
		err := f(last, func(entries []backend.Entry) error {
			if entries = behind(last, entries); len(entries) == 0 {
				return nil
			}
			t.progress()
			last = entries[len(entries)-1].Key
			refused = page(entries)
			return refused
		})
		if err == nil || refused != nil {
			return err
		}
		if err := t.again(err); err != nil {
			return err
		}
	}
}

// behind is the part of entries, which are in order, that comes after last.
func behind(last string, entries []backend.Entry) []backend.Entry {
	if last == "" {
		return entries
	}
	i := slices.IndexFunc(entries, func(e backend.Entry) bool { return e.Key > last })
	if i < 0 {
		return nil
	}
	return entries[i:]
}
