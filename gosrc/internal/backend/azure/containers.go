package azure

import (
	"context"
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Mkdir checks that the container exists: there are no directories.
func (c *client) Mkdir(ctx context.Context, u uri.URI) error {
	return c.onContainer("mkdir", u, func(cc *container.Client) error {
		_, err := cc.GetProperties(ctx, nil)
		return err
	})
}

// CreateContainer makes a container that only its owner can read.
func (c *client) CreateContainer(ctx context.Context, u uri.URI) error {
	return c.onContainer("create_container", u, func(cc *container.Client) error {
		_, err := cc.Create(ctx, nil)
		return err
	})
}

// DeleteContainer removes an empty container. The service would remove a full
// one, too: so it is asked first what is in it.
func (c *client) DeleteContainer(ctx context.Context, u uri.URI) error {
	return c.onContainer("delete_container", u, func(cc *container.Client) error {
		one := int32(1)
		page, err := cc.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{MaxResults: &one}).NextPage(ctx)
		if err != nil {
			return err
		}
		if page.Segment == nil || len(page.Segment.BlobItems) > 0 {
			return errs.New(errs.Invalid, "delete_container", u.String(), "the container is not empty").WithHint("Delete its objects first")
		}
		_, err = cc.Delete(ctx, nil)
		return err
	})
}

// onContainer calls azblob for a container.
func (c *client) onContainer(op string, u uri.URI, call func(*container.Client) error) error {
	if err := checkContainer(op, u); err != nil {
		return err
	}
	if err := call(c.container(u)); err != nil {
		return c.failed(err, op, u)
	}
	return nil
}

// ListContainers lists those of the account.
func (c *client) ListContainers(ctx context.Context, page func([]backend.Entry) error) error {
	pager := c.service.NewListContainersPager(nil)
	for pager.More() {
		p, err := pager.NextPage(ctx)
		if err != nil {
			return c.failed(err, "list_containers", uri.URI{Scheme: "az"})
		}
		var entries []backend.Entry
		for _, item := range p.ContainerItems {
			e := backend.Entry{Key: *item.Name}
			if item.Properties != nil && item.Properties.LastModified != nil {
				e.ModTime = *item.Properties.LastModified
			}
			entries = append(entries, e)
		}
		if len(entries) == 0 {
			continue
		}
		if err := page(entries); err != nil {
			return err
		}
	}
	return nil
}

// hasCode says whether azblob's error is the service's of this code.
func hasCode(err error, code string) bool {
	var refused *azcore.ResponseError
	return errors.As(err, &refused) && refused.ErrorCode == code
}
