package fetch

import (
	"slices"
	"time"
	"unsafe"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// Page has the layout of s3d_page; capi checks that the sizes agree.
type Page struct {
	Count      int64
	Base       uintptr
	BaseLen    int64
	Names      uintptr
	NameEnds   uintptr
	Sizes      uintptr
	MTimes     uintptr
	ETags      uintptr
	ETagEnds   uintptr
	Classes    uintptr
	ClassEnds  uintptr
	ClassCount int64
	ClassOf    uintptr

	RestoredCount int64
	Restored      uintptr
	RestoredUntil uintptr
}

// encodePage lays a page of a listing out in one buffer: the header, the number
// columns, then the texts.
func encodePage(index int64, base string, entries []backend.Entry) (Item, error) {
	n := len(entries)
	classes, classOf := classesOf(entries)
	restored := restoredOf(entries)
	numbers, texts := 4*n+len(classes)+len(classOf)+2*len(restored), len(base)
	for _, e := range entries {
		texts += len(e.Key) + len(e.ETag)
	}
	for _, class := range classes {
		texts += len(class)
	}
	buffer, err := buffers.Default.Get(int64(int(unsafe.Sizeof(Page{})) + 8*numbers + texts))
	if err != nil {
		return Item{}, errs.Wrap(err, errs.IO, "list", base, "out of memory for a page of %d entries", n)
	}
	block := buffer.Bytes()
	l := layout{block: block, used: int(unsafe.Sizeof(Page{}))}
	key := func(i int) string { return entries[i].Key }
	etag := func(i int) string { return entries[i].ETag }
	class := func(i int) string { return classes[i] }
	p := Page{Count: int64(n), BaseLen: int64(len(base)), ClassCount: int64(len(classes)), RestoredCount: int64(len(restored))}
	p.Sizes = l.numbers(n, func(i int) int64 { return entries[i].Size })
	p.MTimes = l.numbers(n, func(i int) int64 { return nanoseconds(entries[i].ModTime) })
	p.ClassOf = l.numbers(len(classOf), func(i int) int64 { return classOf[i] })
	p.Restored = l.numbers(len(restored), func(i int) int64 { return restored[i] })
	p.RestoredUntil = l.numbers(len(restored), func(i int) int64 { return until(entries[restored[i]].Restore) })
	p.NameEnds = l.numbers(n, ends(key))
	p.ETagEnds = l.numbers(n, ends(etag))
	p.ClassEnds = l.numbers(len(classes), ends(class))
	p.Base = l.texts(1, func(int) string { return base })
	p.Names = l.texts(n, key)
	p.ETags = l.texts(n, etag)
	p.Classes = l.texts(len(classes), class)
	*(*Page)(unsafe.Pointer(&block[0])) = p
	return Item{Index: index, Data: block, Buffer: buffer, Size: -1}, nil
}

// nanoseconds since 1970; 0 for a time that is not known.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// classesOf names the storage classes of a page, and says which each entry has:
// nil where there is only one, as there nearly always is.
func classesOf(entries []backend.Entry) (classes []string, of []int64) {
	classes = []string{""}
	for i, e := range entries {
		if i == 0 {
			classes[0] = e.StorageClass
		}
		class := slices.Index(classes, e.StorageClass)
		if class < 0 {
			class = len(classes)
			classes = append(classes, e.StorageClass)
		}
		if class > 0 && of == nil {
			of = make([]int64, len(entries))
		}
		if of != nil {
			of[i] = int64(class)
		}
	}
	return classes, of
}

// restoredOf are the entries that are restored, or being restored, from an archive.
func restoredOf(entries []backend.Entry) (which []int64) {
	for i := range entries {
		if entries[i].Restore != nil {
			which = append(which, int64(i))
		}
	}
	return which
}

func until(r *backend.Restore) int64 {
	if r.InProgress {
		return -1
	}
	return r.Expiry
}

// layout fills the memory of a page from its beginning on. What it returns is
// where a column begins.
type layout struct {
	block []byte
	used  int
}

// numbers is a column of n numbers; there is none where n is 0.
func (l *layout) numbers(n int, number func(i int) int64) uintptr {
	if n == 0 {
		return 0
	}
	at := unsafe.Pointer(&l.block[l.used])
	for i, column := 0, unsafe.Slice((*int64)(at), n); i < n; i++ {
		column[i] = number(i)
	}
	l.used += 8 * n
	return uintptr(at)
}

// texts puts n texts one behind the other.
func (l *layout) texts(n int, text func(i int) string) uintptr {
	at := unsafe.Pointer(unsafe.SliceData(l.block[l.used:]))
	for i := range n {
		l.used += copy(l.block[l.used:], text(i))
	}
	return uintptr(at)
}

// ends says where each text ends, asked for in their order.
func ends(text func(i int) string) func(i int) int64 {
	end := int64(0)
	return func(i int) int64 {
		end += int64(len(text(i)))
		return end
	}
}
