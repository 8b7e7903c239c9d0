package fetch

import (
	"context"
	"errors"
	"io"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// maxRestarts is how often a read begins again because the object changed in the middle of it.
const maxRestarts = 3

// get reads one range, that of one request or of several coalesced ones, in
// parts where it is longer than partSize. The first part tells the size and the
// ETag that the others are pinned to. Requests may be pinned to one themselves.
type get struct {
	requests []Request
	text     []byte
	want     backend.Range
	expected int64 // bytes, -1 unknown
	partSize int64

	block *block // shared with the rest of a batch; nil where there is none
	place int64  // in block

	target   target
	info     backend.Info
	dst      []byte
	buffer   *buffers.Buffer
	restarts int
}

func (g *get) start(ctx context.Context, j *job) (err error) {
	if g.want.Offset < 0 || g.want.Length < -1 {
		return errs.New(errs.Invalid, j.op, j.uri, "offset %d and length %d must not be negative", g.want.Offset, g.want.Length)
	}
	if g.target, err = j.stream.client.target(ctx, j.stream.op, j.uri); err != nil {
		return err
	}
	if err = g.target.needsKey(j.op, j.uri); err != nil {
		return err
	}
	pin := g.requests[0].ETag // joined requests have the same
	if !isETag(pin) {
		return errs.New(errs.Invalid, j.op, j.uri, "the ETag %q cannot be one", pin).
			WithHint("Give it as stat and listings have it, without quotes")
	}
	first := g.want
	if g.partSize > 0 && (g.expected < 0 || g.expected > g.partSize) {
		first.Length = g.partSize
	}
	reader, err := g.target.store.Open(ctx, g.target.uri, first, pin)
	if err != nil {
		return err
	}
	defer closeReader(reader, &err)
	g.info = reader.Info()
	if pin != "" && g.info.ETag != pin { // a store that does not know pinned reads
		return errs.New(errs.Changed, j.op, j.uri, "the object has changed: its ETag is %s, not %s", g.info.ETag, pin)
	}
	total := g.info.Size - g.want.Offset
	if g.want.Length >= 0 {
		total = min(total, g.want.Length)
	}
	length := total
	if first.Length >= 0 {
		length = min(total, first.Length)
	}
	if err = sameLength(reader, length, j); err != nil {
		return err
	}
	if err = g.allocate(j, total); err != nil {
		return err
	}
	steps := 1
	if rest := total - length; rest > 0 {
		steps += int((rest-1)/g.partSize) + 1
	}
	j.plan(steps, g.memory())
	return g.read(reader, 0, length, j)
}

// allocate makes the destination, unless the caller brought one.
func (g *get) allocate(j *job, total int64) error {
	if memory := g.requests[0].Memory; memory != nil {
		if total > int64(len(memory)) {
			return errs.New(errs.Invalid, j.op, j.uri, "%d bytes do not fit into a destination of %d", total, len(memory))
		}
		g.dst = memory[:total:total]
		return nil
	}
	if g.block != nil && total == g.block.each {
		var err error
		if g.buffer, g.dst, err = g.block.place(g.place); err != nil {
			return errs.Wrap(err, errs.IO, j.op, j.uri, "out of memory for a batch of %d objects of %d bytes", g.block.count, total)
		}
		return nil
	}
	buffer, err := buffers.Default.Get(total)
	if err != nil {
		return errs.Wrap(err, errs.IO, j.op, j.uri, "out of memory for %d bytes", total)
	}
	g.buffer, g.dst = buffer, buffer.Bytes()
	return nil
}

func (g *get) memory() int64 {
	if g.buffer == nil {
		return 0
	}
	return int64(len(g.dst))
}

// slice is dst[from:from+n]. Only the last part may use the spare capacity
// behind it: elsewhere that belongs to the next part.
func (g *get) slice(from, n int64) []byte {
	if from+n == int64(len(g.dst)) {
		return g.dst[from:]
	}
	return g.dst[from : from+n : from+n]
}

func (g *get) step(ctx context.Context, j *job, n int) (err error) {
	from := int64(n) * g.partSize
	length := min(g.partSize, int64(len(g.dst))-from)
	reader, err := g.target.store.Open(ctx, g.target.uri, backend.Range{Offset: g.want.Offset + from, Length: length}, g.info.ETag)
	if err != nil {
		return err
	}
	defer closeReader(reader, &err)
	if reader.Info().Size != g.info.Size {
		return changedSize(j, g.info, reader.Info())
	}
	if err = sameLength(reader, length, j); err != nil {
		return err
	}
	return g.read(reader, from, length, j)
}

// read fills n bytes of the destination.
func (g *get) read(r io.Reader, from, n int64, j *job) error {
	switch part := g.dst[from : from+n]; {
	case g.buffer != nil:
		g.buffer.Populate(part)
	case j.stream.opts.FreshMemory:
		buffers.PopulateFresh(part)
	}
	return readFull(r, g.slice(from, n), j)
}

func (g *get) finish(_ context.Context, j *job) ([]Item, error) {
	items := make([]Item, len(g.requests))
	if j.stream.opts.TellETags {
		g.text = []byte(g.info.ETag)
	}
	for i, r := range g.requests {
		items[i] = g.item(r)
	}
	if g.buffer != nil {
		g.buffer.Release() // each item holds its own reference
	}
	g.leave(j.stream)
	return items, nil
}

func (g *get) item(r Request) Item {
	if r.Offset > g.info.Size {
		return Item{Index: r.Index, Size: g.info.Size, Err: errs.New(errs.OutOfRange, "get", r.URI,
			"offset %d is beyond the end of the object at %d", r.Offset, g.info.Size)}
	}
	from := r.Offset - g.want.Offset
	to := int64(len(g.dst))
	if r.Length >= 0 {
		to = min(to, from+r.Length)
	}
	if g.buffer != nil {
		g.buffer.Retain()
	}
	return Item{Index: r.Index, Data: g.dst[from:to], Buffer: g.buffer, Size: g.info.Size, Text: g.text}
}

func (g *get) fail(j *job, err *errs.Error) (again bool) {
	if g.buffer != nil {
		g.buffer.Release()
	}
	g.buffer, g.dst, g.info = nil, nil, backend.Info{}
	if err.Code != errs.Changed || g.requests[0].ETag != "" || g.restarts == maxRestarts || j.stream.ctx.Err() != nil {
		g.leave(j.stream)
		return false
	}
	g.restarts++
	return true
}

// isETag says whether text can be an ETag, quotes left off, or is empty: what HTTP has no place for is refused, not sent.
func isETag(text string) bool {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c == '"' || c == 0x7f {
			return false
		}
	}
	return true
}

// sameLength refuses an answer of another length than the size of the object
// asks for: what is missing of one part no other part would fill.
func sameLength(r backend.Reader, length int64, j *job) error {
	if r.Len() == length {
		return nil
	}
	return errs.New(errs.Truncated, j.op, j.uri, "%d bytes were expected of an object of %d, and %d were answered", length, r.Info().Size, r.Len())
}

// changedSize is for a store that answers for another object than the one whose ETag was asked for.
func changedSize(j *job, was, is backend.Info) error {
	return errs.New(errs.Changed, j.op, j.uri, "the object changed from %d to %d bytes while it was read", was.Size, is.Size)
}

// readFull fills p. The end of the body before that is an error: never short data.
func readFull(r io.Reader, p []byte, j *job) error {
	n, err := io.ReadFull(r, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errs.New(errs.Truncated, j.op, j.uri, "the body ended after %d of %d bytes", n, len(p))
	}
	return err
}

// closeReader reports a failing Close where nothing else failed: some stores
// notice only then that the object changed.
func closeReader(r io.Closer, err *error) {
	if e := r.Close(); e != nil && *err == nil {
		*err = e
	}
}
