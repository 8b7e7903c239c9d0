package fetch

import (
	"bytes"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// Whatever sizes a server tells, what it did not send is never delivered.
func TestAnswersThatDoNotAddUp(t *testing.T) {
	for _, c := range []struct {
		name      string
		size, len int64
		code      errs.Code
	}{
		{"fewer bytes than asked for", 950, 60, errs.Truncated},
		{"no bytes", 950, 0, errs.Truncated},
		{"more bytes than the object has", 30, 50, errs.Truncated},
		{"a negative size", -1, 50, errs.Truncated},
		{"a size that no memory holds", math.MaxInt64, 100, errs.IO},
	} {
		for _, partSize := range []int64{0, 100} {
			if partSize == 0 && c.size == math.MaxInt64 {
				c.len = c.size
			}
			t.Run(fmt.Sprintf("%s,part_size=%d", c.name, partSize), func(t *testing.T) {
				before := buffers.Default.Stats().InUse
				f, client := newFake(t)
				f.put("k", bytes.Repeat([]byte{1}, 950))
				var once sync.Once // the other parts are as they should be
				f.answer = func(r *fakeReader) {
					once.Do(func() { r.info.Size, r.n = c.size, c.len })
				}
				o := defaults()
				o.PartSize = partSize
				items := drain(t, open(t, client, Get, reads("k"), o), 1)
				if items[0].Err == nil || items[0].Err.Code != c.code {
					t.Errorf("got %v, %d bytes", items[0].Err, len(items[0].Data))
				}
				free(items)
				if now := buffers.Default.Stats().InUse; now != before {
					t.Errorf("%d bytes leaked", now-before)
				}
			})
			c.len = min(c.len, 100)
		}
	}
}
