package buffers

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// present counts the pages of p that are in memory.
func present(t *testing.T, p []byte) (n int) {
	t.Helper()
	pages := make([]byte, (len(p)+os.Getpagesize()-1)/os.Getpagesize())
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), uintptr(unsafe.Pointer(&pages[0]))); errno != 0 {
		t.Fatal(errno)
	}
	for _, page := range pages {
		n += int(page & 1)
	}
	return n
}

func TestPopulateMakesThePagesOfAPart(t *testing.T) {
	b, err := NewPool(0).Get(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	if n := present(t, b.Bytes()); n != 0 {
		t.Fatalf("%d pages of a new buffer are there already", n)
	}
	b.Populate(b.Bytes()[5000:105000])
	want := 105000/4096 - 5000/4096 + 1
	if n := present(t, b.Bytes()); n != want && !cannotPopulate.Load() {
		t.Errorf("%d pages are there, not %d", n, want)
	}
	b.Populate(b.Bytes())
	if n := present(t, b.Bytes()); n != 256 && !cannotPopulate.Load() {
		t.Errorf("%d pages are there, not all 256", n)
	}
}

func TestOnlyMemoryThatWasNeverHandedOutIsFresh(t *testing.T) {
	p := NewPool(1 << 30)
	get := func() *Buffer {
		b, err := p.Get(100_000)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a := get()
	b := get()
	if !a.fresh || !b.fresh {
		t.Error("new memory is fresh")
	}
	a.Release()
	if c := get(); c.fresh {
		t.Error("a block that was handed out before is not fresh")
	}
	if d := get(); !d.fresh {
		t.Error("the next block of the span is")
	}
}

func TestPopulateFreshMakesThePagesThatAreThePartsAlone(t *testing.T) {
	memory, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Munmap(memory); err != nil {
			t.Error(err)
		}
	}()
	PopulateFresh(memory[:1000])
	if n := present(t, memory); n != 0 {
		t.Errorf("%d pages are there for a piece of one", n)
	}
	PopulateFresh(memory[5000:105000])
	want := 105000/4096 - 2
	if n := present(t, memory); n != want && !cannotPopulate.Load() {
		t.Errorf("%d pages are there, not %d", n, want)
	}
}

func TestPopulateFreshLeavesMemoryAloneThatHasItsPages(t *testing.T) {
	memory, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Munmap(memory); err != nil {
			t.Error(err)
		}
	}()
	memory[0], memory[127*Align] = 1, 1
	if isThere(memory) {
		t.Error("the last page is missing")
	}
	memory[255*Align] = 1
	if !isThere(memory) {
		t.Error("the first page, the middle and the last are there")
	}
	PopulateFresh(memory)
	if n := present(t, memory); n != 3 {
		t.Errorf("%d pages are there, not the 3 that were", n)
	}
}
