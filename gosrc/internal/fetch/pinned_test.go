package fetch

import (
	"bytes"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func pinnedTo(l requestList, etags ...string) requestList {
	for i := range l {
		l[i].ETag = etags[i]
	}
	return l
}

func TestAReadIsPinnedFromItsFirstRequestOn(t *testing.T) {
	f, c := newFake(t)
	data := random(250, 1)
	f.put("k", data)
	for _, pin := range []string{"1", ""} {
		items := drain(t, open(t, c, Get, pinnedTo(reads("k"), pin), defaults()), 1)
		if items[0].Err != nil || !bytes.Equal(items[0].Data, data) {
			t.Errorf("pinned to %q: %v", pin, items[0].Err)
		}
		free(items)
	}
	f.opens = nil
	items := drain(t, open(t, c, Get, pinnedTo(reads("k", "k"), "0", "1"), defaults()), 2)
	if errs.CodeOf(items[0].Err) != errs.Changed || items[1].Err != nil || len(f.opens) != 1+3 {
		t.Errorf("%v, %v, requests %q", items[0].Err, items[1].Err, f.opens)
	}
	free(items)
}

// What changes in the middle of a pinned read has no version to begin again with.
func TestAPinnedReadIsNotRestarted(t *testing.T) {
	f, c := newFake(t)
	f.put("k", random(250, 1))
	f.onOpen = func(key string, r backend.Range) {
		if r.Offset == 100 {
			f.put(key, random(250, 2))
		}
	}
	o := defaults()
	o.MaxInflightParts = 1
	items := drain(t, open(t, c, Get, pinnedTo(reads("k"), "1"), o), 1)
	if errs.CodeOf(items[0].Err) != errs.Changed || len(f.opens) != 2 {
		t.Errorf("%v, requests %q", items[0].Err, f.opens)
	}
}

// A store that answers with another version than the one asked for is not believed.
func TestAStoreThatIgnoresThePin(t *testing.T) {
	f, c := newFake(t)
	f.put("k", random(50, 1))
	f.answer = func(r *fakeReader) { r.info.ETag = "another" }
	items := drain(t, open(t, c, Get, pinnedTo(reads("k"), "1"), defaults()), 1)
	if errs.CodeOf(items[0].Err) != errs.Changed {
		t.Error(items[0].Err)
	}
}

func TestRangesPinnedToDifferentVersionsAreNotJoined(t *testing.T) {
	f, c := newFake(t)
	f.put("k", random(1000, 1))
	source := pinnedTo(ranges(0, 10, 10, 10, 20, 10, 30, 10), "1", "1", "", "0")
	items := drain(t, open(t, c, Get, source, defaults()), 4)
	if len(f.opens) != 3 || items[0].Err != nil || items[1].Err != nil || items[2].Err != nil || errs.CodeOf(items[3].Err) != errs.Changed {
		t.Errorf("requests %q, %v", f.opens, items)
	}
	free(items)
}

func TestWhatCannotBeAnETag(t *testing.T) {
	f, c := newFake(t)
	f.put("k", random(10, 1))
	for _, pin := range []string{`"1"`, "1\r\nx-evil: 1", "a b", "\x7f"} {
		items := drain(t, open(t, c, Get, pinnedTo(reads("k"), pin), defaults()), 1)
		if errs.CodeOf(items[0].Err) != errs.Invalid || len(f.opens) != 0 {
			t.Errorf("%q: %v, requests %q", pin, items[0].Err, f.opens)
		}
	}
}

func TestReadsTellETags(t *testing.T) {
	f, c := newFake(t)
	f.put("a", random(10, 1))
	f.put("b", random(250, 2))
	f.put("b", random(250, 3))
	o := defaults()
	o.TellETags = true
	items := drain(t, open(t, c, Get, append(reads("a", "b", "missing"), ranges(0, 1, 1, 1)...), o), 5)
	if got := string(items[0].Text) + string(items[1].Text); got != "12" {
		t.Errorf("ETags %q", got)
	}
	if errs.CodeOf(items[2].Err) != errs.NotFound || items[2].Text != nil {
		t.Errorf("%v, %q", items[2].Err, items[2].Text)
	}
	free(items)
	if _, err := c.Open(Stat, reads("a"), o, false); errs.CodeOf(err) != errs.Invalid {
		t.Errorf("of another operation: %v", err)
	}
}
