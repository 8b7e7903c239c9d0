package azure

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

const (
	asked  = 5000 // entries of an answer: the most that there are
	handed = 1000 // entries that are handed on at once
)

// List asks for one page after the other.
func (c *client) List(ctx context.Context, u uri.URI, recursive bool, page func([]backend.Entry) error) error {
	if err := checkContainer("list", u); err != nil {
		return err
	}
	next := c.folded(u)
	if recursive {
		next = c.flat(u)
	}
	for more := true; more; {
		var entries []backend.Entry
		var err error
		if entries, more, err = next(ctx); err != nil {
			return c.failed(err, "list", u)
		}
		// Objects and common prefixes come apart.
		slices.SortFunc(entries, func(a, b backend.Entry) int { return strings.Compare(a.Key, b.Key) })
		for some := range slices.Chunk(entries, handed) {
			if err := page(some); err != nil {
				return err
			}
		}
	}
	return nil
}

// pages yields the entries of the next page, and whether there are more.
type pages func(context.Context) (entries []backend.Entry, more bool, err error)

func (c *client) flat(u uri.URI) pages {
	pager := c.container(u).NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: &u.Key, MaxResults: &pageSize})
	return func(ctx context.Context) ([]backend.Entry, bool, error) {
		p, err := pager.NextPage(ctx)
		if err != nil || p.Segment == nil {
			return nil, false, orEmpty(err)
		}
		return objects(nil, p.Segment.BlobItems), pager.More(), nil
	}
}

func (c *client) folded(u uri.URI) pages {
	pager := c.container(u).NewListBlobsHierarchyPager("/", &container.ListBlobsHierarchyOptions{Prefix: &u.Key, MaxResults: &pageSize})
	return func(ctx context.Context) ([]backend.Entry, bool, error) {
		p, err := pager.NextPage(ctx)
		if err != nil || p.Segment == nil {
			return nil, false, orEmpty(err)
		}
		var entries []backend.Entry
		for _, prefix := range p.Segment.BlobPrefixes {
			if prefix.Name != nil {
				entries = append(entries, backend.Entry{Key: *prefix.Name, Size: -1})
			}
		}
		return objects(entries, p.Segment.BlobItems), pager.More(), nil
	}
}

// pageSize is a variable for the tests.
var pageSize int32 = asked

func orEmpty(err error) error {
	if err == nil {
		return errors.New("a listing without its segment")
	}
	return err
}

// objects adds those of a page to entries. The directories of a hierarchical
// namespace are none.
func objects(entries []backend.Entry, items []*container.BlobItem) []backend.Entry {
	entries = slices.Grow(entries, len(items))
	for _, item := range items {
		p := item.Properties
		if item.Name == nil || p == nil || p.ContentLength == nil || p.ResourceType != nil && *p.ResourceType == "directory" {
			continue
		}
		e := backend.Entry{Key: *item.Name, Size: *p.ContentLength}
		if p.LastModified != nil {
			e.ModTime = *p.LastModified
		}
		if p.ETag != nil {
			e.ETag = web.Unquote(string(*p.ETag))
		}
		if p.AccessTier != nil && (p.AccessTierInferred == nil || !*p.AccessTierInferred) {
			e.StorageClass = string(*p.AccessTier)
		}
		if p.ArchiveStatus != nil {
			e.Restore = &backend.Restore{InProgress: strings.HasPrefix(string(*p.ArchiveStatus), "rehydrate-pending")}
		}
		entries = append(entries, e)
	}
	return entries
}
