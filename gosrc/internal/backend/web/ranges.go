package web

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
)

// RangeValue is a range as HTTP writes it. It has none without bytes.
func RangeValue(r backend.Range) string {
	text := "bytes=" + strconv.FormatInt(r.Offset, 10) + "-"
	if r.Length > 0 && r.Length-1 <= math.MaxInt64-r.Offset {
		text += strconv.FormatInt(r.Offset+r.Length-1, 10)
	}
	return text
}

// ErrNoLength is an answer that does not say how long it is.
var ErrNoLength = errors.New("no Content-Length")

// Extent checks that the answer to a GET of a range is what was asked for: the
// size of the whole object, and how many bytes of the answer are to be read.
func Extent(r backend.Range, resp *wire.Response) (size, length int64, err error) {
	from, size, length := int64(0), resp.Length, resp.Length
	if resp.Status == http.StatusPartialContent {
		var ok bool
		if from, size, ok = ContentRange(resp.Header.Get("Content-Range")); !ok {
			return 0, 0, errors.New("bad Content-Range")
		}
	}
	if length < 0 {
		return 0, 0, ErrNoLength
	}
	// A server may ignore the range where it begins at 0: then its end is ours to find.
	if from != r.Offset || resp.Status == http.StatusPartialContent && length > size-from {
		return 0, 0, errors.New("another range than the one asked for")
	}
	if r.Length >= 0 {
		length = min(length, r.Length)
	}
	return size, length, nil
}
