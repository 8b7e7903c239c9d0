package fetch

import (
	"context"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// insidePart is how long the parts are that a store copies by itself: it is
// short enough for a request, and there are enough of them for all workers.
const insidePart = 256 << 20

// isInside: source and target belong to one store, which may copy by itself.
// An object that is copied to itself is left to the other way: S3 refuses it.
func (c *copying) isInside() bool {
	return c.source.store == c.dest.store && c.source.uri != c.dest.uri && backend.CopyLimit(c.dest.store) > 0
}

// copyInside lets the store copy. Unsupported: it does not after all, and
// nothing has happened.
func (c *copying) copyInside(ctx context.Context, j *job) error {
	j.carries(0)
	store := c.dest.store.(backend.Copier)
	for try := 0; ; try++ {
		var err error
		if c.info, err = c.source.store.Stat(ctx, c.source.uri); err != nil {
			return err
		}
		if c.info.Size > store.CopyLimit() {
			return c.copyParts(ctx, store, j)
		}
		c.stored, err = store.Copy(ctx, c.source.uri, c.info.ETag, c.dest.uri)
		if errs.CodeOf(err) == errs.Changed && try < maxRestarts { // since Stat
			continue
		}
		if err == nil {
			c.stored.Size = c.info.Size
			j.stream.moved.Add(c.info.Size)
		}
		return err
	}
}

// copyParts copies the first part and announces the others.
func (c *copying) copyParts(ctx context.Context, store backend.Copier, j *job) (err error) {
	if c.inside, err = store.CreateCopy(ctx, c.dest.uri, c.attributes()); err != nil {
		return named(err, j.op, c.request.Target)
	}
	c.upload = c.inside
	c.partSize = c.upload.PartSize(partSizeFor(Options{PartSize: insidePart}, c.info.Size))
	c.parts = int((c.info.Size-1)/c.partSize) + 1
	if err = c.step(ctx, j, 0); errs.CodeOf(err) == errs.Unsupported {
		abort(c.upload, c.request.Target)
		c.upload, c.inside = nil, nil
	}
	if err == nil {
		j.plan(c.parts, 0)
	}
	return err
}

func (c *copying) copyPart(ctx context.Context, j *job, n int, r backend.Range) error {
	err := c.inside.CopyPart(ctx, n, c.source.uri, r, c.info.ETag)
	if err == nil {
		j.stream.moved.Add(r.Length)
	}
	return err
}
