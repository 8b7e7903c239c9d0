package fetch

import (
	"bytes"
	"math"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// ranges are requests of one object of 1,000 bytes: offset, length, offset, ...
func ranges(numbers ...int64) requestList {
	var l requestList
	for i := 0; i < len(numbers); i += 2 {
		l = append(l, Request{URI: "fake://b/k", Size: 1000, Offset: numbers[i], Length: numbers[i+1]})
	}
	return l
}

func TestWhichRangesAreJoined(t *testing.T) {
	for _, c := range []struct {
		name     string
		source   requestList
		partSize int64
		requests int
	}{
		{"one after the other", ranges(0, 100, 100, 50, 200, 100), 500, 1},
		{"empty ones", ranges(10, 0, 10, 0, 10, 5, 15, 0), 500, 1},
		{"backwards", ranges(100, 100, 0, 100), 500, 2},
		{"longer than a part together", ranges(0, 300, 300, 300), 500, 2},
		{"never split, all within the default part", ranges(0, 300, 300, 300), 0, 1},
		{"beyond the default part", ranges(0, defaultPart, defaultPart, 1), 0, 2},
		{"the same bytes, each consumer's own to write to", ranges(0, 100, 0, 100, 50, 100), 500, 3},
		{"an end that no number holds", ranges(10, math.MaxInt64, 20, 30), 0, 2},
		{"to the end", ranges(0, 100, 100, -1), 500, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, client := newFake(t)
			f.put("k", random(1000, 1))
			o := defaults()
			o.PartSize = c.partSize
			for i, item := range drain(t, open(t, client, Get, c.source, o), 3) {
				from, to := c.source[i].Offset, int64(1000)
				if n := c.source[i].Length; n >= 0 && n < to-from {
					to = from + n
				}
				if from > to {
					if errs.CodeOf(item.Err) != errs.OutOfRange {
						t.Errorf("request %d beyond the end: %v", i, item.Err)
					}
				} else if item.Err != nil || !bytes.Equal(item.Data, f.objects["k"][from:to]) {
					t.Errorf("request %d: %v, %d bytes of %d", i, item.Err, len(item.Data), to-from)
				}
				free([]Item{item})
			}
			if len(f.opens) != c.requests {
				t.Errorf("requests %q", f.opens)
			}
		})
	}
}

func TestABadRangeFailsAlone(t *testing.T) {
	f, c := newFake(t)
	f.put("k", random(1000, 1))
	items := drain(t, open(t, c, Get, ranges(-1, 5, 4, 5), defaults()), 2)
	if errs.CodeOf(items[0].Err) != errs.Invalid || items[1].Err != nil {
		t.Errorf("%v, %v", items[0].Err, items[1].Err)
	}
	free(items)
}
