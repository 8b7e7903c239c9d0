package fetch

import (
	"context"
	"log/slog"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// abortTimeout bounds the clean-up of an upload, which must also run after a cancellation.
const abortTimeout = 30 * time.Second

// defaultPart bounds the parts of uploads, and what neighbouring ranges are
// joined to, where part_size is 0.
const defaultPart = 8 << 20

// put stores the caller's memory as an object, in parts where it is large.
type put struct {
	request  Request
	target   target
	upload   backend.Upload // nil for a plain Put
	partSize int64
	parts    int
	info     backend.Info
}

func (p *put) start(ctx context.Context, j *job) (err error) {
	if p.target, err = j.stream.client.target(ctx, Put, j.uri); err != nil {
		return err
	}
	if err = p.target.needsKey(j.op, j.uri); err != nil {
		return err
	}
	size := int64(len(p.request.Memory))
	if size <= j.stream.client.cfg.MultipartThresh {
		p.info, err = p.target.store.Put(ctx, p.target.uri, p.request.Memory, nil)
		return err
	}
	if p.upload, err = p.target.store.Create(ctx, p.target.uri, nil); err != nil {
		return err
	}
	p.partSize = p.upload.PartSize(partSizeFor(j.stream.opts, size))
	p.parts = int((size + p.partSize - 1) / p.partSize)
	j.plan(p.parts, 0)
	return p.step(ctx, j, 0)
}

func (p *put) step(ctx context.Context, _ *job, n int) error {
	from := int64(n) * p.partSize
	to := min(from+p.partSize, int64(len(p.request.Memory)))
	return p.upload.WritePart(ctx, n, p.request.Memory[from:to:to])
}

func (p *put) finish(ctx context.Context, _ *job) (_ []Item, err error) {
	if p.upload != nil {
		if p.info, err = p.upload.Commit(ctx, p.parts); err != nil {
			return nil, err
		}
	}
	return []Item{{Index: p.request.Index, Size: int64(len(p.request.Memory)), Text: infoJSON(p.info)}}, nil
}

func (p *put) fail(j *job, _ *errs.Error) bool {
	if p.upload != nil {
		abort(p.upload, j.uri)
	}
	return false
}

// abort cleans up after an upload that failed.
func abort(upload backend.Upload, uri string) {
	ctx, cancel := context.WithTimeout(context.Background(), abortTimeout)
	defer cancel()
	if err := upload.Abort(ctx); err != nil {
		slog.Warn("an upload could not be aborted; its parts may remain", "uri", uri, "error", err)
	}
}

// partSizeFor is the size of parts that an object of size bytes is stored in: stores allow 10,000 of them.
func partSizeFor(o Options, size int64) int64 {
	wanted := o.PartSize
	if wanted == 0 {
		wanted = defaultPart
	}
	return max(wanted, (size-1)/10_000+1) // sizes come from servers too: no sum of them
}
