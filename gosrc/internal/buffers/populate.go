package buffers

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// worthPopulating is the least number of bytes for which one call is cheaper than the faults it saves.
const worthPopulating = 32 << 10

// cannotPopulate: the kernel is older than Linux 5.14.
var cannotPopulate atomic.Bool

// Populate makes the pages of part, a piece of b, if they are fresh: they are
// about to be written, and the kernel makes many at once at two thirds of what
// it costs to make each where a copy into it faults.
func (b *Buffer) Populate(part []byte) {
	if !b.fresh || len(part) < worthPopulating || cannotPopulate.Load() {
		return
	}
	whole := b.data[:cap(b.data)]
	from := int64(uintptr(unsafe.Pointer(&part[0])) - uintptr(unsafe.Pointer(&whole[0])))
	end := min((from+int64(len(part))+Align-1)/Align*Align, int64(len(whole)))
	if err := unix.Madvise(whole[from/Align*Align:end], unix.MADV_POPULATE_WRITE); err != nil {
		cannotPopulate.Store(true) // or there is no memory, which a fault will tell as well
	}
}

// PopulateFresh does the same for memory of a caller who says that it is fresh.
// Pages that are not part's alone are left out: they may be no memory of his.
// Often it is fresh for him alone, and has been used before: then to walk
// through its pages would be a tenth of the cost of a read.
func PopulateFresh(part []byte) {
	if len(part) < worthPopulating || cannotPopulate.Load() {
		return
	}
	skip := -uintptr(unsafe.Pointer(&part[0])) % Align
	part = part[skip:]
	if len(part) >= Align && isThere(part) {
		return
	}
	// Some kinds of memory refuse it; then each page is made when it is written to.
	_ = unix.Madvise(part[:len(part)/Align*Align], unix.MADV_POPULATE_WRITE)
}

// isThere says whether part, which begins at a page, seems to have pages: the first, one in the middle and the last.
func isThere(part []byte) bool {
	last := (len(part) - 1) / Align * Align
	for _, at := range [...]int{0, last / 2 / Align * Align, last} {
		var state byte
		_, _, failed := unix.RawSyscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&part[at])), 1, uintptr(unsafe.Pointer(&state)))
		if failed != 0 || state&1 == 0 {
			return false
		}
	}
	return true
}
