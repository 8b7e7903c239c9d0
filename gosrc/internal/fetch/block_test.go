package fetch

import (
	"bytes"
	"fmt"
	"testing"
	"time"
	"unsafe"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
)

// samples stores objects of these sizes and returns requests that know them.
func samples(f *fake, sizes ...int) requestList {
	var l requestList
	for i, n := range sizes {
		key := fmt.Sprintf("k%04d", i)
		f.put(key, random(n, uint64(i)))
		l = append(l, Request{URI: "fake://b/" + key, Size: int64(n), Length: -1})
	}
	return l
}

func same(n, size int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

// sideBySide says whether items lie one behind the other in one buffer.
func sideBySide(items []Item) bool {
	for i, item := range items[1:] {
		before := items[i]
		if item.Buffer != items[0].Buffer || uintptr(unsafe.Pointer(&item.Data[0])) != uintptr(unsafe.Pointer(&before.Data[0]))+uintptr(len(before.Data)) {
			return false
		}
	}
	return true
}

// leavesNothing fails the test where buffers are still in use at its end.
func leavesNothing(t *testing.T) {
	t.Helper()
	before := buffers.Default.Stats().InUse
	t.Cleanup(func() {
		if now := buffers.Default.Stats().InUse; now != before {
			t.Errorf("%d bytes are still in use", now-before)
		}
	})
}

func TestBatchesOfOneSizeLieSideBySide(t *testing.T) {
	for _, op := range []Op{Get, GetListed} {
		for _, ordered := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v,ordered=%v", op, ordered), func(t *testing.T) {
				leavesNothing(t)
				f, c := newFake(t)
				source := samples(f, same(100, 150)...) // two parts each
				if op == GetListed {
					source = reads("")
				}
				o := defaults()
				o.Ordered = ordered
				o.Group = 16 // six whole ones, and four objects
				items := drain(t, open(t, c, op, source, o), 5)
				byIndex := make([]Item, 100)
				for _, item := range items {
					if item.Err != nil || !bytes.Equal(item.Data, f.objects[fmt.Sprintf("k%04d", item.Index)]) {
						t.Fatalf("item %d: %v", item.Index, item.Err)
					}
					byIndex[item.Index] = item
				}
				for from := 0; from < 100; from += 16 {
					if !sideBySide(byIndex[from:min(100, from+16)]) {
						t.Errorf("the batch from %d on is not in one piece", from)
					}
				}
				free(items)
			})
		}
	}
}

func TestOtherBatchesComeAsTheyDo(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fake, requestList)
	}{
		{"sizes that differ", func(f *fake, l requestList) { l[2] = samples(f, 1, 2, 77)[2] }},
		{"a size that is not known", func(_ *fake, l requestList) { l[3].Size = -1 }},
		{"a size that is no longer true", func(f *fake, _ requestList) { f.put("k0001", random(99, 5)) }},
		{"ranges", func(_ *fake, l requestList) { l[1].Length = 50 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			leavesNothing(t)
			f, client := newFake(t)
			source := samples(f, same(8, 60)...)
			c.change(f, source)
			o := defaults()
			o.Group = 4
			items := drain(t, open(t, client, Get, source, o), 3)
			for i, item := range items {
				want := f.objects[fmt.Sprintf("k%04d", i)]
				if n := source[i].Length; n >= 0 {
					want = want[:n]
				}
				if item.Err != nil || !bytes.Equal(item.Data, want) {
					t.Errorf("item %d: %v", i, item.Err)
				}
			}
			if sideBySide(items[:4]) {
				t.Error("the first batch cannot be in one piece")
			}
			if !sideBySide(items[4:]) {
				t.Error("the second batch is not in one piece")
			}
			free(items)
		})
	}
}

func TestBlocksOfAStreamThatEndsEarlyAreReleased(t *testing.T) {
	leavesNothing(t)
	f, c := newFake(t)
	source := samples(f, same(64, 1000)...)
	f.delay = func(string) time.Duration { return 2 * time.Millisecond }
	o := defaults()
	o.Group = 32
	s := open(t, c, Get, source, o)
	items, _, err := s.Next(3, 3, 30*time.Second)
	if err != nil || len(items) != 3 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	free(items)
}

func TestAMemberThatChangesKeepsItsPlace(t *testing.T) {
	leavesNothing(t)
	f, c := newFake(t)
	source := samples(f, same(4, 250)...)
	changed := false
	f.onOpen = func(key string, r backend.Range) {
		if key == "k0002" && r.Offset == 100 && !changed {
			changed = true
			f.put(key, random(250, 99))
		}
	}
	o := defaults()
	o.Group = 4
	items := drain(t, open(t, c, Get, source, o), 4)
	if !changed || !sideBySide(items) || !bytes.Equal(items[2].Data, f.objects["k0002"]) {
		t.Errorf("changed %v, in one piece %v", changed, sideBySide(items))
	}
	free(items)
}

func TestAGroupLargerThanTheListingLooksAhead(t *testing.T) {
	f, c := newFake(t)
	samples(f, same(30, 10)...)
	o := defaults()
	o.Group = 3 * maxListed
	items := drain(t, open(t, c, GetListed, reads(""), o), 30)
	if len(items) != 30 || !sideBySide(items) {
		t.Errorf("%d items", len(items))
	}
	free(items)
}

// A block is made for the entries that are listed by then; the others of its batch have none.
func TestABatchOfMoreThanTheListingLooksAhead(t *testing.T) {
	leavesNothing(t)
	f, c := newFake(t)
	samples(f, same(2*maxListed, 1)...)
	o := defaults()
	o.Group = 4 * maxListed
	for _, item := range drain(t, open(t, c, GetListed, reads(""), o), 2*maxListed) {
		if item.Err != nil || !bytes.Equal(item.Data, f.objects[string(item.Text[len("fake://b/"):])]) {
			t.Fatalf("%+v", item)
		}
		free([]Item{item})
	}
}
