package gcs

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Mkdir checks that the bucket exists: there are no directories. It asks for
// objects, since who may use them may not always look at the bucket.
func (c *client) Mkdir(ctx context.Context, u uri.URI) error {
	return c.finish(ctx, c.look("mkdir", u))
}

// CreateContainer makes a bucket in the project of the client.
func (c *client) CreateContainer(ctx context.Context, u uri.URI) error {
	query, err := c.inProject(ctx, "create_container", u)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"name": u.Container})
	if err != nil {
		return errs.From(err, "create_container", u.String())
	}
	return c.finish(ctx, &call{
		op: "create_container", u: u, method: http.MethodPost, path: "/storage/v1/b", query: query,
		header: wire.Header{{Name: "content-type", Value: "application/json"}}, body: body, once: true,
	})
}

// DeleteContainer removes an empty bucket.
func (c *client) DeleteContainer(ctx context.Context, u uri.URI) error {
	err := c.finish(ctx, &call{op: "delete_container", u: u, method: http.MethodDelete, path: bucketPath(u), once: true})
	if err == nil {
		c.known.Forget(u.Container)
	}
	return err
}

// ListContainers lists the buckets of the project.
func (c *client) ListContainers(ctx context.Context, deliver func([]backend.Entry) error) error {
	u := uri.URI{Scheme: "gs"}
	query, err := c.inProject(ctx, "list_containers", u)
	if err != nil {
		return err
	}
	query.Set("maxResults", "1000")
	query.Set("fields", "items(name,timeCreated),nextPageToken")
	for {
		var got struct {
			Items []struct {
				Name        string    `json:"name"`
				TimeCreated time.Time `json:"timeCreated"`
			} `json:"items"`
			NextPageToken string `json:"nextPageToken"`
		}
		if err := c.document(ctx, &call{op: "list_containers", u: u, method: http.MethodGet, path: "/storage/v1/b", query: query}, &got); err != nil {
			return err
		}
		entries := make([]backend.Entry, len(got.Items))
		for i, b := range got.Items {
			entries[i] = backend.Entry{Key: b.Name, ModTime: b.TimeCreated}
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

// inProject is the query that names the project. Where requests go without
// credentials, as to an emulator, none is needed.
func (c *client) inProject(ctx context.Context, op string, u uri.URI) (url.Values, error) {
	id := c.project
	if c.account != nil {
		if id == "" {
			id = c.account.project
		}
		if id == "" && c.account.findProject != nil {
			found, err := c.account.findProject(ctx)
			if err != nil && ctx.Err() != nil {
				return nil, errs.From(ctx.Err(), op, u.String())
			}
			id = found
		}
		if id == "" {
			return nil, errs.New(errs.Invalid, op, u.String(), "the project whose buckets these are is not known").
				WithHint("Set GOOGLE_CLOUD_PROJECT to its name")
		}
	}
	if id == "" {
		return url.Values{}, nil
	}
	return url.Values{"project": {id}}, nil
}
