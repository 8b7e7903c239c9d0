package s3

import (
	"context"
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Mkdir checks that the bucket exists: S3 has no directories.
func (c *client) Mkdir(ctx context.Context, u uri.URI) error {
	return c.finish(ctx, &call{op: "mkdir", u: u, method: http.MethodHead})
}

// CreateContainer makes a bucket in the region of the client.
func (c *client) CreateContainer(ctx context.Context, u uri.URI) error {
	r := &call{op: "create_container", u: u, method: http.MethodPut, once: true}
	if c.signer.region != "us-east-1" { // which S3 wants left out
		r.body = []byte(`<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>` +
			escapeXML(c.signer.region) + `</LocationConstraint></CreateBucketConfiguration>`)
	}
	return c.finish(ctx, r)
}

// DeleteContainer removes an empty bucket.
func (c *client) DeleteContainer(ctx context.Context, u uri.URI) error {
	err := c.finish(ctx, &call{op: "delete_container", u: u, method: http.MethodDelete, once: true})
	if err == nil {
		c.known.Forget(u.Container)
	}
	return err
}

// ListContainers lists the buckets of the credentials' owner.
func (c *client) ListContainers(ctx context.Context, page func([]backend.Entry) error) error {
	u := uri.URI{Scheme: "s3"}
	text, _, err := c.document(ctx, &call{op: "list_containers", u: u, method: http.MethodGet})
	if err != nil {
		return err
	}
	var answer struct {
		Buckets []struct {
			Name         string
			CreationDate time.Time
		} `xml:"Buckets>Bucket"`
	}
	if err := xml.Unmarshal(text, &answer); err != nil {
		return c.malformed(err, "list_containers", u)
	}
	var entries []backend.Entry
	for _, b := range answer.Buckets {
		entries = append(entries, backend.Entry{Key: b.Name, ModTime: b.CreationDate})
	}
	if len(entries) == 0 {
		return nil
	}
	slices.SortFunc(entries, func(a, b backend.Entry) int { return strings.Compare(a.Key, b.Key) })
	return page(entries)
}
