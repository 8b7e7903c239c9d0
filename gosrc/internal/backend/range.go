package backend

import (
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Cut applies the rules of Open to an object of size bytes: r selects [from, to).
func (r Range) Cut(op string, u uri.URI, size int64) (from, to int64, err error) {
	switch {
	case r.Offset < 0:
		return 0, 0, errs.New(errs.Invalid, op, u.String(), "the offset %d is negative", r.Offset)
	case r.Offset > size:
		return 0, 0, errs.New(errs.OutOfRange, op, u.String(), "the offset %d is beyond the end: the object has %d bytes", r.Offset, size)
	case r.Length < 0 || r.Length > size-r.Offset:
		return r.Offset, size, nil
	}
	return r.Offset, r.Offset + r.Length, nil
}
