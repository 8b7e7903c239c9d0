package upload

import (
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// Options say how an object is written; the names of s3dlio/writer_options.py.
type Options struct {
	PartSize         int64             `json:"part_size"`
	MaxInFlight      int               `json:"max_in_flight"`
	BufferSize       int64             `json:"buffer_size"` // 0: as MaxInFlight has it
	ContentType      string            `json:"content_type"`
	Metadata         map[string]string `json:"metadata"`
	StorageClass     string            `json:"storage_class"` // empty: the store's default
	Compression      string            `json:"compression"`   // empty: none
	CompressionLevel int               `json:"compression_level"`
}

const (
	largestPart  = 5 << 30  // what any store takes
	smallestPart = 64 << 10 // what a small BufferSize makes of PartSize
)

func (o *Options) validate() error {
	bad := func(format string, args ...any) error { return errs.New(errs.Invalid, "", "", format, args...) }
	switch {
	case o.PartSize <= 0 || o.PartSize > largestPart:
		return bad("part_size must be between 1 and %d, not %d", int64(largestPart), o.PartSize)
	case o.MaxInFlight <= 0:
		return bad("max_in_flight must be at least 1, not %d", o.MaxInFlight)
	case o.BufferSize < 0:
		return bad("buffer_size must not be negative")
	case !printable(o.ContentType):
		return bad("content_type %q is not printable ASCII", o.ContentType)
	case !isName(o.StorageClass):
		return bad("storage_class %q is no name of one: they are made of letters, digits, - and _", o.StorageClass)
	}
	for name, value := range o.Metadata {
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			return bad("metadata has the name %q: names are made of a-z, 0-9, -, _ and .", name)
		}
		if !printable(value) {
			return bad("metadata %s is not printable ASCII without spaces around it", name)
		}
	}
	if o.BufferSize > 0 { // one part is being filled, the others are under way
		o.PartSize = min(o.PartSize, max(o.BufferSize/2, smallestPart))
		o.MaxInFlight = int(max(1, min(int64(o.MaxInFlight), o.BufferSize/o.PartSize-1)))
	}
	return nil
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return strings.TrimSpace(s) == s
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		letter := c|' ' >= 'a' && c|' ' <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func (o *Options) attributes() *backend.Attributes {
	if o.ContentType == "" && len(o.Metadata) == 0 && o.StorageClass == "" {
		return nil
	}
	return &backend.Attributes{ContentType: o.ContentType, Metadata: o.Metadata, StorageClass: o.StorageClass}
}
