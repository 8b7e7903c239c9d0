package fetch

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

const (
	maxPages  = 16   // pages of a listing kept for a slow consumer
	maxListed = 8192 // entries listed ahead of their reads
)

// startListing runs the listing of a stream in a goroutine of its own. Called
// with mu held.
func (s *Stream) startListing() {
	s.producer = true
	if s.op == GetListed {
		s.feed = &listedFeed{}
	}
	end := func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.producer = false
		if err != nil && s.ctx.Err() == nil {
			s.err = errs.From(err, s.op.String(), "")
		}
		s.wakeIdle(s.idle) // workers may have nothing more to wait for
		s.leaveIfLast()
		s.tellConsumer()
	}
	guard.Go(s.op.String(), "", func() { end(s.list()) }, end)
}

// list walks over all URIs of the source.
func (s *Stream) list() error {
	l := &lister{stream: s}
	for i := range s.source.Len() {
		text := s.source.At(i).URI
		if err := guard.Run(s.op.String(), text, func() error { return l.run(text) }); err != nil {
			return named(err, s.op.String(), text)
		}
	}
	return nil
}

// lister numbers pages and entries over all URIs of a stream.
type lister struct {
	stream *Stream
	pages  int64
	listed int64
}

func (l *lister) run(text string) error {
	s := l.stream
	if s.op == ListContainers {
		return l.containers(text)
	}
	t, err := s.client.target(s.ctx, s.op, text)
	if err != nil {
		return err
	}
	keep := matcher(t.uri.Key, s.opts.Pattern)
	return t.store.List(s.ctx, t.uri, s.opts.Recursive, func(entries []backend.Entry) error {
		if s.op == GetListed {
			return l.queue(t.uri, entries, keep)
		}
		return l.page(t.uri.Base(), entries, keep)
	})
}

func (l *lister) containers(text string) error {
	s := l.stream
	u, err := uri.Parse(text)
	if err != nil {
		return err
	}
	driver, err := backend.Find(s.op.String(), text, u.Scheme)
	if err != nil {
		return err
	}
	store, err := s.client.store(s.ctx, driver)
	if err != nil {
		return err
	}
	return store.ListContainers(s.ctx, func(entries []backend.Entry) error {
		return l.page(u.Scheme+"://", entries, func(string) bool { return true })
	})
}

// page makes an item of a page and waits while the consumer has enough of them.
func (l *lister) page(base string, entries []backend.Entry, keep func(string) bool) error {
	kept := make([]backend.Entry, 0, len(entries))
	for _, e := range entries {
		if keep(e.Key) {
			kept = append(kept, e)
		}
	}
	if len(kept) == 0 {
		return l.stream.ctx.Err()
	}
	item, err := encodePage(l.pages, base, kept)
	if err != nil {
		return err
	}
	l.pages++
	s := l.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages = append(s.pages, item)
	s.ready++
	s.tellConsumer()
	return s.waitForRoom(func() bool { return len(s.pages) < maxPages })
}

// queue turns the samples of a page into requests: not directories, nor the
// empty objects that mark them.
func (l *lister) queue(u uri.URI, entries []backend.Entry, keep func(string) bool) error {
	s := l.stream
	feed := s.feed.(*listedFeed)
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(feed.queue)
	for _, e := range entries {
		if e.Size < 0 || e.Size == 0 && strings.HasSuffix(e.Key, "/") || !keep(e.Key) {
			continue
		}
		i := l.listed
		l.listed++
		if s.opts.ShardCount > 1 && i%s.opts.ShardCount != s.opts.ShardIndex {
			continue
		}
		feed.queue = append(feed.queue, Request{Index: i, URI: u.WithKey(e.Key).String(), Size: e.Size, Length: -1})
	}
	s.wakeWorkers(len(feed.queue) - before)
	return s.waitForRoom(func() bool { return len(feed.queue) < maxListed })
}

// waitForRoom holds the listing back; called with mu held.
func (s *Stream) waitForRoom(room func() bool) error {
	for !room() && s.ctx.Err() == nil {
		s.producerWaits = true
		s.tellConsumer()
		s.room.Wait()
	}
	s.producerWaits = false
	return s.ctx.Err()
}

// matcher tests keys against a glob: on the file name where the pattern has no
// '/', else on the path below the directory of the prefix.
func matcher(prefix, pattern string) func(key string) bool {
	if pattern == "" {
		return func(string) bool { return true }
	}
	if !strings.Contains(pattern, "/") {
		return func(key string) bool {
			return doublestar.MatchUnvalidated(pattern, path.Base(key))
		}
	}
	return func(key string) bool { return doublestar.MatchUnvalidated(pattern, below(prefix, key)) }
}

// below is the part of key under the directory that prefix names or lies in.
func below(prefix, key string) string {
	if rest, ok := strings.CutPrefix(key, strings.TrimSuffix(prefix, "/")+"/"); ok {
		return rest
	}
	return strings.TrimPrefix(key, prefix[:strings.LastIndexByte(prefix, '/')+1])
}
