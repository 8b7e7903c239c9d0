package hdfs

import (
	"container/heap"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// pageSize is how many entries come at once: what a namenode sends in one
// answer, unless dfs.ls.limit says otherwise.
const pageSize = 1000

// List walks the tree in the order of the keys. It holds a page of entries and
// those that the namenode sends before their time, never the whole tree.
func (s *store) List(ctx context.Context, u uri.URI, recursive bool, page func([]backend.Entry) error) error {
	w := &walker{ctx: ctx, recursive: recursive, Pager: backend.NewPager(ctx, page)}
	err := s.do(ctx, "list", u, func(ses *session) error {
		w.ses = ses
		info, err := ses.stat(u)
		switch {
		case err != nil:
		case info.IsDir:
			err = w.directory(directoryKey(u.Key), true)
		default:
			err = w.Add(backend.Entry{Key: u.Key, Size: info.Size, ModTime: info.ModTime, ETag: info.ETag})
		}
		if err == nil {
			err = w.Flush()
		}
		return err
	})
	if w.Refusal != nil {
		return w.Refusal
	}
	return err
}

// directoryKey is what the keys in a directory begin with.
func directoryKey(key string) string {
	if key == "" || strings.HasSuffix(key, "/") {
		return key
	}
	return key + "/"
}

type walker struct {
	backend.Pager

	ctx       context.Context
	ses       *session
	recursive bool
}

// directory lists what lies under prefix, which is empty or ends in '/'.
func (w *walker) directory(prefix string, top bool) error {
	gone := func(err error) bool { return !top && errors.Is(err, os.ErrNotExist) } // removed meanwhile
	dir, err := w.ses.client.Open(pathOf(uri.URI{Key: prefix}))
	if err != nil {
		if gone(err) {
			return nil
		}
		return err
	}
	var early heapOfNames
	for {
		found, err := dir.Readdir(pageSize)
		if err != nil && err != io.EOF && !gone(err) {
			return err
		}
		for _, f := range found {
			if err := w.arrived(prefix, f, &early); err != nil {
				return err
			}
		}
		if len(found) < pageSize {
			return w.before(nil, &early)
		}
	}
}

// arrived takes the next entry of a directory. The namenode orders names by
// their bytes, but takes those above 127 for negative numbers. So a name with
// such bytes may come before its time; and so does that of a directory, which
// belongs where it and a '/' do, behind "dir-1" for instance. After a name
// without such bytes only greater ones come.
func (w *walker) arrived(prefix string, f os.FileInfo, early *heapOfNames) error {
	name := f.Name()
	bare := prefix + name
	e := backend.Entry{Key: bare}
	ascii := strings.IndexFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) < 0
	switch {
	case f.IsDir():
		e = backend.Entry{Key: bare + "/", Size: -1}
	case strings.HasPrefix(name, tempPrefix) || !f.Mode().IsRegular():
		return nil
	default:
		info := describe(f)
		e.Size, e.ModTime, e.ETag = info.Size, info.ModTime, info.ETag
	}
	if ascii {
		if err := w.before(&bare, early); err != nil {
			return err
		}
	}
	if ascii && !f.IsDir() {
		return w.Add(e)
	}
	heap.Push(early, e)
	return nil
}

// before lists those that came early and belong before key; all where it is nil.
func (w *walker) before(key *string, early *heapOfNames) error {
	for len(*early) > 0 && (key == nil || (*early)[0].Key < *key) {
		e := heap.Pop(early).(backend.Entry)
		var err error
		if w.recursive && e.Size < 0 {
			err = w.directory(e.Key, false)
		} else {
			err = w.Add(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// heapOfNames has the entry with the least key first.
type heapOfNames []backend.Entry

func (h heapOfNames) Len() int           { return len(h) }
func (h heapOfNames) Less(i, j int) bool { return h[i].Key < h[j].Key }
func (h heapOfNames) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *heapOfNames) Push(e any)        { *h = append(*h, e.(backend.Entry)) }
func (h *heapOfNames) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	*h = (*h)[:last]
	return e
}
