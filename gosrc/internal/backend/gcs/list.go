package gcs

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// page is a page of a listing of objects.
type page struct {
	Items []struct {
		Name         string    `json:"name"`
		Size         string    `json:"size"`
		Generation   string    `json:"generation"`
		StorageClass string    `json:"storageClass"`
		Updated      time.Time `json:"updated"`
	} `json:"items"`
	Prefixes      []string `json:"prefixes"`
	NextPageToken string   `json:"nextPageToken"`
}

// List asks for one page after the other.
func (c *client) List(ctx context.Context, u uri.URI, recursive bool, page func([]backend.Entry) error) error {
	return c.ListAfter(ctx, u, recursive, "", page)
}

// ListAfter is List for the keys behind after.
func (c *client) ListAfter(ctx context.Context, u uri.URI, recursive bool, after string, deliver func([]backend.Entry) error) error {
	if err := checkPrefix("list", u); err != nil {
		return err
	}
	query := url.Values{
		"maxResults": {"1000"}, "fields": {"items(name,size,generation,updated,storageClass),prefixes,nextPageToken"}, "prefix": {u.Key},
	}
	if !recursive {
		query.Set("delimiter", "/")
	}
	if after != "" {
		query.Set("startOffset", after) // that key included
	}
	for {
		var got page
		if err := c.document(ctx, &call{op: "list", u: u, method: http.MethodGet, path: bucketPath(u) + "/o", query: query}, &got); err != nil {
			return err
		}
		entries, err := got.entries(after)
		if err == nil && got.NextPageToken != "" && got.NextPageToken == query.Get("pageToken") {
			err = errors.New("a page leads to itself")
		}
		if err != nil {
			return c.malformed(err, "list", u)
		}
		if len(entries) > 0 {
			if err := deliver(entries); err != nil {
				return err
			}
		}
		if got.NextPageToken == "" {
			return nil
		}
		query.Set("pageToken", got.NextPageToken)
	}
}

// entries are the keys of a page behind after, in order: objects and common prefixes come apart.
func (p *page) entries(after string) ([]backend.Entry, error) {
	entries := make([]backend.Entry, 0, len(p.Items)+len(p.Prefixes))
	for i := range p.Items {
		item := &p.Items[i]
		size, err := strconv.ParseInt(item.Size, 10, 64)
		if err != nil {
			return nil, errNoSize
		}
		if item.Name > after {
			entries = append(entries, backend.Entry{
				Key: item.Name, Size: size, ETag: item.Generation, ModTime: item.Updated, StorageClass: item.StorageClass,
			})
		}
	}
	for _, prefix := range p.Prefixes {
		if prefix > after {
			entries = append(entries, backend.Entry{Key: prefix, Size: -1})
		}
	}
	byKey := func(a, b backend.Entry) int { return strings.Compare(a.Key, b.Key) }
	if !slices.IsSortedFunc(entries, byKey) {
		slices.SortFunc(entries, byKey)
	}
	return entries, nil
}
