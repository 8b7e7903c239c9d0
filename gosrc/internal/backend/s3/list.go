package s3

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// List asks for one page after the other.
func (c *client) List(ctx context.Context, u uri.URI, recursive bool, page func([]backend.Entry) error) error {
	return c.ListAfter(ctx, u, recursive, "", page)
}

// ListAfter is List for the keys behind after.
func (c *client) ListAfter(ctx context.Context, u uri.URI, recursive bool, after string, page func([]backend.Entry) error) error {
	// Names are asked for in URL encoding: XML cannot hold control characters.
	params := []param{{"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", "1000"}, {"prefix", u.Key}}
	if !recursive {
		params = append(params, param{"delimiter", "/"})
	}
	if after != "" {
		params = append(params, param{"start-after", after})
	}
	var header wire.Header
	if c.tellRestores {
		header = wire.Header{{Name: "x-amz-optional-object-attributes", Value: "RestoreStatus"}}
	}
	token := ""
	for {
		q := slices.Clone(params)
		if token != "" {
			q = append(q, param{"continuation-token", token})
		}
		text, _, err := c.document(ctx, &call{op: "list", u: u, method: http.MethodGet, query: query(q...), header: header})
		if err != nil {
			return err
		}
		got, err := parseListing(string(text))
		if err == nil && got.truncated && (got.next == "" || got.next == token) {
			err = errors.New("a page that is not the last does not say how to go on")
		}
		if err != nil {
			return c.malformed(err, "list", u)
		}
		if len(got.entries) > 0 {
			if err := page(inOrder(got.entries)); err != nil {
				return err
			}
		}
		if !got.truncated {
			return nil
		}
		token = got.next
	}
}

// inOrder sorts a page, in which objects and common prefixes come apart.
func inOrder(entries []backend.Entry) []backend.Entry {
	byKey := func(a, b backend.Entry) int { return strings.Compare(a.Key, b.Key) }
	if !slices.IsSortedFunc(entries, byKey) {
		slices.SortFunc(entries, byKey)
	}
	return entries
}

// malformed is an answer that is not what S3 gives. Asking again would not help.
func (c *client) malformed(err error, op string, u uri.URI) error {
	return web.Malformed(err, op, u, c.endpoint, "an S3 service", "an S3 endpoint")
}
