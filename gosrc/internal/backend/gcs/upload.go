package gcs

import (
	"bytes"
	"context"
	"hash/crc32"
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// upload makes parts in any order the one stream of bytes that a session takes.
//
// A part whose turn it is goes out from the memory of the caller. One that comes
// ahead of its turn waits where the part before it is under way, as it is with
// writers, which begin their parts in order; where it is not, waiting might be
// for ever, and a copy of the part is kept until its turn. So is the last part,
// which is shorter than the others: it ends the object, which Commit does.
type upload struct {
	u       uri.URI
	session *session // belongs to whoever has set sending

	mu       sync.Mutex
	changed  chan struct{} // closed, and replaced, when anything below has changed
	size     int64         // of all parts but the last
	next     int           // the part that the session takes next
	sums     []uint32      // CRC32C of the parts that it has
	sum      uint32        // and of all of them together
	kept     map[int][]byte
	underWay map[int]int // calls of WritePart for a part
	sending  bool
	over     bool // committed or aborted
	info     backend.Info
}

// keep is how many bytes of parts ahead of their turn are kept before others
// wait; two parts always are.
const keep = 64 << 20

// Create begins a session.
func (c *client) Create(ctx context.Context, u uri.URI, a *backend.Attributes) (backend.Upload, error) {
	s, err := c.begin(ctx, u, a)
	if err != nil {
		return nil, err
	}
	return &upload{u: u, session: s, changed: make(chan struct{}), kept: map[int][]byte{}, underWay: map[int]int{}}, nil
}

func (up *upload) PartSize(wanted int64) int64 {
	up.mu.Lock()
	defer up.mu.Unlock()
	up.size = (max(wanted, 1) + quantum - 1) / quantum * quantum
	return up.size
}

func (up *upload) WritePart(ctx context.Context, n int, data []byte) error {
	up.mu.Lock()
	defer up.mu.Unlock()
	if n < 0 || int64(len(data)) > up.size {
		return up.invalid("part %d of %d bytes: parts have %d", n+1, len(data), up.size)
	}
	up.underWay[n]++
	defer func() {
		if up.underWay[n]--; up.underWay[n] == 0 {
			delete(up.underWay, n)
		}
		up.tell()
	}()
	for ctx.Err() == nil {
		full := int64(len(data)) == up.size
		switch {
		case up.over:
			return up.invalid("the upload is over")
		case n < up.next:
			return up.again(n, data)
		case full && up.sending: // wait: it may be the turn of this one next
		case full && n == up.next:
			delete(up.kept, n)
			return up.send(ctx, data)
		case !up.sending && int64(len(up.kept[up.next])) == up.size:
			if err := up.send(ctx, up.kept[up.next]); err != nil {
				return err
			}
			continue
		case !full || up.underWay[n-1] == 0 && up.fits(len(data)):
			up.kept[n] = bytes.Clone(data)
			return nil
		}
		up.wait(ctx)
	}
	return errs.From(ctx.Err(), "put", up.u.String())
}

// again is a part that is written once more although it has been sent.
func (up *upload) again(n int, data []byte) error {
	if int64(len(data)) == up.size && crc32.Checksum(data, castagnoli) == up.sums[n] {
		return nil
	}
	return up.invalid("part %d was written before, with other bytes, and has been sent", n+1)
}

// send sends the next part.
func (up *upload) send(ctx context.Context, data []byte) error {
	offset := int64(up.next) * up.size
	if err := up.apart(func() error { return up.session.append(ctx, offset, data) }); err != nil {
		return err
	}
	delete(up.kept, up.next)
	up.sums = append(up.sums, crc32.Checksum(data, castagnoli))
	up.sum = crc32.Update(up.sum, castagnoli, data)
	up.next++
	return nil
}

// apart has the session to itself, without the lock meanwhile. Called with mu held.
func (up *upload) apart(f func() error) error {
	up.sending = true
	up.mu.Unlock()
	defer func() {
		up.mu.Lock()
		up.sending = false
		up.tell()
	}()
	return f()
}

// fits says whether another part may be kept.
func (up *upload) fits(length int) bool {
	total := length
	for _, data := range up.kept {
		total += len(data)
	}
	return total <= keep || len(up.kept) < 2
}

// tell wakes those who wait. Called with mu held.
func (up *upload) tell() {
	close(up.changed)
	up.changed = make(chan struct{})
}

// wait waits until something has changed. Called with mu held, which it gives up meanwhile.
func (up *upload) wait(ctx context.Context) {
	changed := up.changed
	up.mu.Unlock()
	select {
	case <-changed:
	case <-ctx.Done():
	}
	up.mu.Lock()
}

func (up *upload) Commit(ctx context.Context, parts int) (backend.Info, error) {
	up.mu.Lock()
	defer up.mu.Unlock()
	for up.sending && ctx.Err() == nil {
		up.wait(ctx)
	}
	switch {
	case ctx.Err() != nil:
		return backend.Info{}, errs.From(ctx.Err(), "put", up.u.String())
	case up.info.ETag != "":
		return up.info, nil
	case up.over:
		return backend.Info{}, up.invalid("the upload is over")
	}
	if err := up.complete(parts); err != nil {
		return backend.Info{}, err
	}
	for up.next < parts-1 {
		if err := up.send(ctx, up.kept[up.next]); err != nil {
			return backend.Info{}, err
		}
	}
	return up.publish(ctx, up.kept[parts-1])
}

// complete checks that the parts are all there, and only the last one is short.
func (up *upload) complete(parts int) error {
	if up.next > parts {
		return up.invalid("%d parts were written, and %d are to be the object", up.next, parts)
	}
	for n := up.next; n < parts; n++ {
		data, ok := up.kept[n]
		switch {
		case !ok:
			return up.invalid("part %d of %d was not written", n+1, parts)
		case n < parts-1 && int64(len(data)) < up.size:
			return up.invalid("part %d of %d is shorter than the others", n+1, parts)
		}
	}
	return nil
}

// publish ends the object with what is left of it.
func (up *upload) publish(ctx context.Context, last []byte) (backend.Info, error) {
	offset := int64(up.next) * up.size
	sum := checksum(crc32.Update(up.sum, castagnoli, last))
	var done described
	err := up.apart(func() (err error) {
		done, err = up.session.close(ctx, offset, last, sum)
		if errs.CodeOf(err) == errs.NotFound {
			done, err = up.published(ctx, offset+int64(len(last)), sum, err)
		}
		return err
	})
	if err != nil {
		return backend.Info{}, err
	}
	up.end()
	up.info = done.Info
	return up.info, nil
}

// end says that the upload is over.
func (up *upload) end() {
	up.over = true
	clear(up.kept)
	up.tell()
}

// published is for a session that is gone: an earlier request, whose answer was
// lost, may have ended it. The object then has the size and the checksum of this one.
func (up *upload) published(ctx context.Context, size int64, sum string, gone error) (described, error) {
	o, err := up.session.c.identify(ctx, "put", up.u)
	if err != nil || o.Size != size || o.crc32c != sum {
		return described{}, gone
	}
	return o, nil
}

// Abort gives the session up. The service would, after a week.
func (up *upload) Abort(ctx context.Context) error {
	up.mu.Lock()
	defer up.mu.Unlock()
	for up.sending && ctx.Err() == nil {
		up.wait(ctx)
	}
	switch {
	case up.over:
		return nil
	case ctx.Err() != nil:
		return errs.From(ctx.Err(), "put", up.u.String())
	}
	err := up.apart(func() error { return up.session.cancel(ctx) })
	if err == nil {
		up.end()
	}
	return err
}

func (up *upload) invalid(format string, args ...any) error {
	return errs.New(errs.Invalid, "put", up.u.String(), format, args...)
}
