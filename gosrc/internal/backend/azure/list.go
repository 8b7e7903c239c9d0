package azure

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

const (
	asked  = 5000 // entries of an answer: the most that there are
	handed = 1000 // entries that are handed on at once
)

// pageSize is a variable for the tests.
var pageSize = asked

// List asks for one page after the other, without azblob: its reader of XML
// costs four times as much as everything else about a listing.
func (c *client) List(ctx context.Context, u uri.URI, recursive bool, page func([]backend.Entry) error) error {
	if err := checkContainer("list", u); err != nil {
		return err
	}
	query := pageQuery(pageSize)
	if u.Key != "" {
		query.Set("prefix", u.Key)
	}
	if !recursive {
		query.Set("delimiter", "/")
	}
	for {
		l, err := c.page(ctx, u, query)
		if err != nil {
			return err
		}
		// Objects and common prefixes may come apart.
		byKey := func(a, b backend.Entry) int { return strings.Compare(a.Key, b.Key) }
		if !slices.IsSortedFunc(l.entries, byKey) {
			slices.SortFunc(l.entries, byKey)
		}
		for some := range slices.Chunk(l.entries, handed) {
			if err := page(some); err != nil {
				return err
			}
		}
		if l.next == "" {
			return nil
		}
		query.Set("marker", l.next)
	}
}

func pageQuery(entries int) url.Values {
	return url.Values{"restype": {"container"}, "comp": {"list"}, "maxresults": {strconv.Itoa(entries)}}
}

func (c *client) page(ctx context.Context, u uri.URI, query url.Values) (listing, error) {
	target := c.target(u.WithKey("")) + "?" + strings.ReplaceAll(query.Encode(), "+", "%20")
	resp, err := c.get(ctx, "list", u, target, nil)
	if err != nil {
		return listing{}, err
	}
	defer resp.Close()
	text, err := web.Document(resp)
	if err != nil {
		return listing{}, c.broken(err, "list", u)
	}
	l, err := parseListing(string(text))
	if err == nil && l.next != "" && l.next == query.Get("marker") {
		err = errors.New("a page leads to itself")
	}
	if err != nil {
		return l, c.malformed(err, "list", u)
	}
	return l, nil
}
