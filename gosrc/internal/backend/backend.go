// Package backend is the contract between the engine and the stores.
//
// Each method states what every implementation promises; the conformance suite
// in backendtest holds them to it. Failures are *errs.Error with Op and URI set.
// All methods are safe for concurrent use and give up when ctx is done.
package backend

import (
	"context"
	"io"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Info describes one object.
type Info struct {
	Size        int64             `json:"size"`
	ModTime     time.Time         `json:"-"`
	ETag        string            `json:"etag,omitempty"` // changes whenever the content does; unquoted
	ContentType string            `json:"content_type,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"` // user metadata
	IsDir       bool              `json:"is_dir,omitempty"`
	// StorageClass is empty where the store does not tell: S3 itself does not for STANDARD.
	StorageClass string   `json:"storage_class,omitempty"`
	Restore      *Restore `json:"restore,omitempty"`
}

// Restore is how far an archived object has come back; nil: nobody has asked for it.
type Restore struct {
	InProgress bool  `json:"in_progress"`
	Expiry     int64 `json:"expiry,omitempty"` // when the copy goes, in seconds since 1970; 0: not known
}

// Attributes are what an object says of itself besides its bytes. Stat answers
// with them; local schemes have no place for them and leave them out.
type Attributes struct {
	ContentType string            // empty: the store's choice
	Metadata    map[string]string // names as HTTP has them, in lower case; values of printable ASCII
	// StorageClass is a name that the store knows; empty: its default. A driver
	// says by itself whether there are any.
	StorageClass string
}

// Entry is one line of a listing. Key is the full key, as in uri.URI.
type Entry struct {
	Key     string
	Size    int64 // -1 for a common prefix, whose Key ends in '/'
	ModTime time.Time
	ETag    string
	// StorageClass is empty where the store does not tell, and for a common prefix.
	StorageClass string
	Restore      *Restore // where the store was asked to tell
}

// Range selects bytes of an object: Length < 0 means to the end.
type Range struct {
	Offset, Length int64
}

// Whole is the range of a whole object.
var Whole = Range{0, -1}

// Backend is one store at one endpoint.
type Backend interface {
	// Stat describes the object at u. A directory of a local scheme answers
	// with IsDir; on object stores a prefix without an object is NotFound.
	Stat(ctx context.Context, u uri.URI) (Info, error)

	// Open starts reading the range r of the object. A range that reaches
	// beyond the end is cut at the end; an Offset equal to the size gives an
	// empty reader; beyond it, OutOfRange; a negative one is Invalid (Range.Cut
	// decides this). With etag != "" the read fails with Changed unless the
	// object still has that ETag. A directory: IsDirectory.
	Open(ctx context.Context, u uri.URI, r Range, etag string) (Reader, error)

	// List calls page with the entries whose key begins with u.Key, in the
	// order of their keys' bytes, a page at a time and never an empty page.
	// Local schemes list the directory u.Key, or the one file. Without
	// recursive, what follows the next '/' after the prefix is folded into
	// common prefixes. A missing container or directory is NotFound; no match
	// is no page. An error returned by page ends the listing and is returned.
	List(ctx context.Context, u uri.URI, recursive bool, page func([]Entry) error) error

	// Put stores data as the whole object. It is atomic: until it succeeds a
	// reader sees what was there before, and after a failure nothing of it is
	// left. data is not used after the return. a may be nil. Info has at least
	// Size and ETag.
	Put(ctx context.Context, u uri.URI, data []byte, a *Attributes) (Info, error)

	// Create starts an upload in parts, with the same atomicity as Put.
	Create(ctx context.Context, u uri.URI, a *Attributes) (Upload, error)

	// Delete removes the object. Deleting what is not there is NotFound where
	// there are directories and success on object stores, as the services have
	// it. An empty directory is removed too; one that is not is IsDirectory.
	Delete(ctx context.Context, u uri.URI) error

	// Mkdir makes a directory and its parents; on object stores, where there
	// are none, it checks that the container exists.
	Mkdir(ctx context.Context, u uri.URI) error

	// CreateContainer and DeleteContainer make and remove u.Container.
	// AlreadyExists where it exists; both are Unsupported where a driver has no Containers.
	CreateContainer(ctx context.Context, u uri.URI) error
	DeleteContainer(ctx context.Context, u uri.URI) error
	// ListContainers calls page with names as Key; Unsupported where there are none.
	ListContainers(ctx context.Context, page func([]Entry) error) error

	// Close releases connections. No method is called afterwards.
	Close() error
}

// Reader is the body of one range.
type Reader interface {
	// Info describes the whole object; Size and ETag are always known.
	Info() Info
	// Len is how many bytes Read delivers in total before io.EOF. A body that
	// ends sooner fails with io.ErrUnexpectedEOF or Truncated, never io.EOF.
	Len() int64
	// Read may use the spare capacity of p (up to cap(p)) as scratch space. It
	// fails with Changed, at the latest in place of the last bytes, where it
	// can tell that they are not all of one version.
	io.Reader
	io.Closer
}

// Upload is an object being written in parts of any order.
type Upload interface {
	// PartSize returns the size that every part but the last must have, given
	// the size that the caller would like. Called once, before the first part.
	PartSize(wanted int64) int64
	// WritePart stores part number n (from 0), which lies at offset n*PartSize.
	// Safe for concurrent use. A failed part may be written again.
	WritePart(ctx context.Context, n int, data []byte) error
	// Commit publishes the object of the given parts, numbered 0 to parts-1; no
	// part makes an empty object. A missing part is an error, and nothing is published.
	Commit(ctx context.Context, parts int) (Info, error)
	// Abort removes everything written. It is harmless after Commit.
	Abort(ctx context.Context) error
}
