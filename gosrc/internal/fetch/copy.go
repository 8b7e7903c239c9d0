package fetch

import (
	"context"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// copying stores an object at another place, of any scheme: each step reads one
// part of the source and writes it to the target. A source of one part is a
// plain Put. All parts are pinned to the ETag that the first one had; where that
// changes, the copy fails and nothing is published. copyinside.go has what is
// different where a store copies by itself.
type copying struct {
	request Request
	source  target
	dest    target

	info     backend.Info // of the source
	partSize int64
	parts    int
	upload   backend.Upload     // nil for a plain Put
	inside   backend.CopyUpload // upload, where the store copies the parts by itself
	stored   backend.Info
}

// newCopy makes the job: of all its memory, each step has that of its part.
func (s *Stream) newCopy(r Request) *job {
	j := s.newJob(r, 1, &copying{request: r}, 0)
	if j.carry = partSizeFor(s.opts, r.Size); r.Size >= 0 {
		j.carry = min(j.carry, r.Size)
	}
	return j
}

func (c *copying) start(ctx context.Context, j *job) (err error) {
	if err = c.resolve(ctx, j); err != nil {
		return err
	}
	first := partSizeFor(j.stream.opts, c.request.Size)
	if c.isInside() {
		if err = c.copyInside(ctx, j); errs.CodeOf(err) != errs.Unsupported {
			return err
		}
		j.carries(first)
	}
	reader, err := c.open(ctx, backend.Range{Length: first}, "")
	if err != nil {
		return err
	}
	c.info = reader.Info()
	if c.info.Size <= first {
		j.carries(max(0, c.info.Size))
		return c.transfer(reader, j, c.info.Size, func(data []byte) error {
			c.stored, err = c.dest.store.Put(ctx, c.dest.uri, data, c.attributes())
			return err
		})
	}
	if err = c.begin(ctx, j); err == nil && c.partSize == first {
		return c.transfer(reader, j, first, func(data []byte) error { return c.upload.WritePart(ctx, 0, data) })
	}
	closeReader(reader, &err)
	if err != nil {
		return err
	}
	return c.step(ctx, j, 0) // the target wants parts of another size
}

// resolve finds both stores.
func (c *copying) resolve(ctx context.Context, j *job) (err error) {
	client := j.stream.client
	if c.source, err = client.target(ctx, Copy, j.uri); err != nil {
		return err
	}
	if c.dest, err = client.target(ctx, Copy, c.request.Target); err != nil {
		return named(err, j.op, c.request.Target)
	}
	if err = c.source.needsKey(j.op, j.uri); err != nil {
		return err
	}
	return c.dest.needsKey(j.op, c.request.Target)
}

// attributes are those of the source, which came with its first part. Its
// storage class stays with it: the target's store may have others.
func (c *copying) attributes() *backend.Attributes {
	return &backend.Attributes{ContentType: c.info.ContentType, Metadata: c.info.Metadata}
}

// begin starts the upload and announces its parts.
func (c *copying) begin(ctx context.Context, j *job) (err error) {
	if c.upload, err = c.dest.store.Create(ctx, c.dest.uri, c.attributes()); err != nil {
		return err
	}
	c.partSize = c.upload.PartSize(partSizeFor(j.stream.opts, c.info.Size))
	c.parts = int((c.info.Size-1)/c.partSize) + 1
	j.carries(c.partSize)
	j.plan(c.parts, 0)
	return nil
}

func (c *copying) step(ctx context.Context, j *job, n int) error {
	from := int64(n) * c.partSize
	length := min(c.partSize, c.info.Size-from)
	if c.inside != nil {
		return c.copyPart(ctx, j, n, backend.Range{Offset: from, Length: length})
	}
	reader, err := c.open(ctx, backend.Range{Offset: from, Length: length}, c.info.ETag)
	if err != nil {
		return err
	}
	return c.transfer(reader, j, length, func(data []byte) error { return c.upload.WritePart(ctx, n, data) })
}

func (c *copying) open(ctx context.Context, r backend.Range, etag string) (backend.Reader, error) {
	return c.source.store.Open(ctx, c.source.uri, r, etag)
}

// transfer reads a range to its end, and writes it only then: what a store
// notices when the reader is closed must not be stored.
func (c *copying) transfer(reader backend.Reader, j *job, length int64, write func([]byte) error) error {
	buffer, err := c.read(reader, j, length)
	if err != nil {
		return err
	}
	defer buffer.Release()
	if err = write(buffer.Bytes()); err != nil {
		return named(err, j.op, c.request.Target)
	}
	j.stream.moved.Add(length)
	return nil
}

func (c *copying) read(reader backend.Reader, j *job, length int64) (buffer *buffers.Buffer, err error) {
	complete := false // nor is it where the reader panics
	defer func() {
		if buffer != nil && (err != nil || !complete) {
			buffer.Release()
			buffer = nil
		}
	}()
	defer closeReader(reader, &err)
	if reader.Info().Size != c.info.Size {
		return nil, changedSize(j, c.info, reader.Info())
	}
	if err = sameLength(reader, length, j); err != nil {
		return nil, err
	}
	if buffer, err = buffers.Default.Get(length); err != nil {
		return nil, errs.Wrap(err, errs.IO, j.op, j.uri, "out of memory for %d bytes", length)
	}
	err = readFull(reader, buffer.Bytes(), j)
	complete = true
	return buffer, err
}

func (c *copying) finish(ctx context.Context, j *job) ([]Item, error) {
	if c.upload != nil {
		var err error
		if c.stored, err = c.upload.Commit(ctx, c.parts); err != nil {
			return nil, named(err, j.op, c.request.Target)
		}
	}
	return []Item{{Index: c.request.Index, Size: c.info.Size, Text: infoJSON(c.stored)}}, nil
}

func (c *copying) fail(j *job, _ *errs.Error) bool {
	if c.upload != nil {
		abort(c.upload, c.request.Target)
	}
	return false
}
