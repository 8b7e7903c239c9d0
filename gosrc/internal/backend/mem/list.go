package mem

import (
	"context"
	"slices"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

const pageSize = 1000

func (c client) List(ctx context.Context, u uri.URI, recursive bool, page func([]backend.Entry) error) error {
	var entries []backend.Entry
	err := c.in(ctx, "list", u, false, func(c *container) error {
		for key, o := range c.objects {
			if strings.HasPrefix(key, u.Key) {
				entries = append(entries, backend.Entry{
					Key: key, Size: o.info.Size, ModTime: o.info.ModTime, ETag: o.info.ETag, StorageClass: o.info.StorageClass,
				})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b backend.Entry) int { return strings.Compare(a.Key, b.Key) })
	if !recursive {
		entries = fold(entries, len(u.Key))
	}
	return paged(ctx, "list", u, entries, page)
}

// fold replaces what lies behind the first '/' after the prefix by one common prefix.
func fold(entries []backend.Entry, prefix int) []backend.Entry {
	folded := entries[:0]
	for _, e := range entries {
		if slash := strings.IndexByte(e.Key[prefix:], '/'); slash >= 0 {
			e = backend.Entry{Key: e.Key[:prefix+slash+1], Size: -1}
		}
		if n := len(folded); n == 0 || folded[n-1].Key != e.Key {
			folded = append(folded, e)
		}
	}
	return folded
}

func paged(ctx context.Context, op string, u uri.URI, entries []backend.Entry, page func([]backend.Entry) error) error {
	for chunk := range slices.Chunk(entries, pageSize) {
		if err := ctx.Err(); err != nil {
			return errs.From(err, op, u.String())
		}
		if err := page(chunk); err != nil {
			return err
		}
	}
	return nil
}
