package fetch

import (
	"unsafe"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// Page has the layout of s3d_page; capi checks that the sizes agree.
type Page struct {
	Count    int64
	Base     uintptr
	BaseLen  int64
	Names    uintptr
	NameEnds uintptr
	Sizes    uintptr
	MTimes   uintptr
	ETags    uintptr
	ETagEnds uintptr
}

// encodePage lays a page of a listing out in one buffer: the header, the number
// columns, then the texts.
func encodePage(index int64, base string, entries []backend.Entry) (Item, error) {
	n := len(entries)
	names, etags := 0, 0
	for _, e := range entries {
		names += len(e.Key)
		etags += len(e.ETag)
	}
	header := int(unsafe.Sizeof(Page{}))
	total := header + 4*8*n + len(base) + names + etags
	buffer, err := buffers.Default.Get(int64(total))
	if err != nil {
		return Item{}, errs.Wrap(err, errs.IO, "list", base, "out of memory for a page of %d entries", n)
	}
	block := buffer.Bytes()
	at := uintptr(unsafe.Pointer(&block[0]))
	column := func(i int) ([]int64, uintptr) {
		from := header + i*8*n
		return unsafe.Slice((*int64)(unsafe.Pointer(&block[from])), n), at + uintptr(from)
	}
	nameEnds, nameEndsAt := column(0)
	sizes, sizesAt := column(1)
	mtimes, mtimesAt := column(2)
	etagEnds, etagEndsAt := column(3)
	baseAt := header + 4*8*n
	namesAt := baseAt + len(base)
	etagsAt := namesAt + names
	copy(block[baseAt:], base)
	nameEnd, etagEnd := 0, 0
	for i, e := range entries {
		nameEnd += copy(block[namesAt+nameEnd:], e.Key)
		etagEnd += copy(block[etagsAt+etagEnd:], e.ETag)
		nameEnds[i], etagEnds[i], sizes[i], mtimes[i] = int64(nameEnd), int64(etagEnd), e.Size, 0
		if !e.ModTime.IsZero() {
			mtimes[i] = e.ModTime.UnixNano()
		}
	}
	*(*Page)(unsafe.Pointer(&block[0])) = Page{
		Count: int64(n), Base: at + uintptr(baseAt), BaseLen: int64(len(base)),
		Names: at + uintptr(namesAt), NameEnds: nameEndsAt, Sizes: sizesAt, MTimes: mtimesAt,
		ETags: at + uintptr(etagsAt), ETagEnds: etagEndsAt,
	}
	return Item{Index: index, Data: block, Buffer: buffer, Size: -1}, nil
}
