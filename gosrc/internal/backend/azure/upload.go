package azure

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

const (
	maxParts = 50_000
	maxPart  = 4000 << 20
)

// upload is an object whose blocks lie at its key, unseen, until a list of them
// is committed. Blocks that never are go by themselves within a week.
type upload struct {
	c          *client
	u          uri.URI
	attributes described
	name       [8]byte // what its blocks' names begin with, so that no other upload has them

	mu    sync.Mutex
	parts map[int]part
}

type part struct {
	id   string // "" for one without bytes, which is no block
	size int64
}

// Create begins an upload; the service need not know of it.
func (c *client) Create(ctx context.Context, u uri.URI, a *backend.Attributes) (backend.Upload, error) {
	if err := ctx.Err(); err != nil {
		return nil, errs.From(err, "put", u.String())
	}
	if err := checkObject("put", u); err != nil {
		return nil, err
	}
	d, err := describing("put", u, a)
	if err != nil {
		return nil, err
	}
	up := &upload{c: c, u: u, attributes: d, parts: map[int]part{}}
	_, _ = rand.Read(up.name[:]) // it never fails
	return up, nil
}

func (up *upload) PartSize(wanted int64) int64 { return min(max(wanted, 1), maxPart) }

func (up *upload) WritePart(ctx context.Context, n int, data []byte) error {
	if n < 0 || n >= maxParts {
		return errs.New(errs.Invalid, "put", up.u.String(), "an upload has at most %d parts", maxParts).
			WithHint("Raise the option part_size")
	}
	if err := ctx.Err(); err != nil {
		return errs.From(err, "put", up.u.String())
	}
	stored := part{size: int64(len(data))}
	if len(data) > 0 {
		stored.id = up.block(n, data)
		_, err := up.c.blob(up.u).StageBlock(ctx, stored.id, streaming.NopCloser(bytes.NewReader(data)),
			&blockblob.StageBlockOptions{TransactionalValidation: up.c.validation(data)})
		if err != nil {
			return up.c.failed(err, "put", up.u)
		}
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	up.parts[n] = stored
	return nil
}

// block names the block of a part, also by its bytes: so one that arrives late,
// of an attempt that was given up, replaces no other bytes than its own.
func (up *upload) block(n int, data []byte) string {
	id := binary.BigEndian.AppendUint32(append(make([]byte, 0, 16), up.name[:]...), uint32(n))
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(id, crc32.Checksum(data, castagnoli)))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Commit may be repeated: blocks that are part of the object already are found
// there, so that a commit whose answer was lost succeeds.
func (up *upload) Commit(ctx context.Context, parts int) (backend.Info, error) {
	ids, size, err := up.manifest(parts)
	if err != nil {
		return backend.Info{}, err
	}
	resp, err := up.c.blob(up.u).CommitBlockList(ctx, ids, &blockblob.CommitBlockListOptions{
		HTTPHeaders: up.attributes.headers, Metadata: up.attributes.metadata, Tier: up.attributes.tier,
	})
	if err != nil {
		return backend.Info{}, up.c.failed(err, "put", up.u)
	}
	if resp.ETag == nil {
		return backend.Info{}, up.c.malformed(errNoETag, "put", up.u)
	}
	return backend.Info{Size: size, ETag: web.Unquote(string(*resp.ETag))}, nil
}

// manifest names the blocks in the order of the parts.
func (up *upload) manifest(parts int) (ids []string, size int64, err error) {
	up.mu.Lock()
	defer up.mu.Unlock()
	for n := range parts {
		p, ok := up.parts[n]
		if !ok {
			return nil, 0, errs.New(errs.Invalid, "put", up.u.String(), "part %d of %d was not written", n+1, parts)
		}
		if p.id != "" {
			ids = append(ids, p.id)
		}
		size += p.size
	}
	return ids, size, nil
}

// Abort leaves the blocks to the service, which has no way to remove them by
// request, and publishes nothing.
func (up *upload) Abort(context.Context) error { return nil }
