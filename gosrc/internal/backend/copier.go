package backend

import (
	"context"

	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Copier is a store that may copy objects by itself, so that their bytes do not
// come here. Both objects are its own.
type Copier interface {
	// CopyLimit is how many bytes Copy takes at once; 0: the store does not copy;
	// CopiesAll: there is no limit, and CreateCopy may be Unsupported.
	CopyLimit() int64
	// Copy stores the object at from, with its attributes, as the object at to:
	// atomically, as Put does. It fails with Changed unless from has that ETag.
	// Info has at least the ETag. The error names the object it is about.
	Copy(ctx context.Context, from uri.URI, etag string, to uri.URI) (Info, error)
	// CreateCopy is Create for an upload of which every part is a copy.
	CreateCopy(ctx context.Context, to uri.URI, a *Attributes) (CopyUpload, error)
}

// CopiesAll is the CopyLimit of a store that copies objects of any size with Copy.
const CopiesAll = 1<<63 - 1

// CopyUpload is an Upload whose parts are copied, not written.
type CopyUpload interface {
	Upload
	// CopyPart is WritePart of the bytes in r of the object at from, which must
	// all be there. It fails as Copy does.
	CopyPart(ctx context.Context, n int, from uri.URI, r Range, etag string) error
}

// CopyLimit is that of a store, 0 where it is no Copier.
func CopyLimit(b Backend) int64 {
	if c, ok := b.(Copier); ok {
		return c.CopyLimit()
	}
	return 0
}
