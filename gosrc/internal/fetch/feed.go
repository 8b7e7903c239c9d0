package fetch

import (
	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
)

// feed makes jobs out of requests. next is called with Stream.mu held and
// returns nil where there is none now: a listing may still bring some.
type feed interface {
	next(s *Stream) *job
}

// coalesceGap is how many bytes between two ranges are cheaper to read than to ask again for.
const coalesceGap = 64 << 10

// unknownNeed is counted for a read of unknown size that is not split.
const unknownNeed = 8 << 20

// requestFeed takes the requests of a Source.
type requestFeed struct {
	source Source
	at     int64
}

func (f *requestFeed) next(s *Stream) *job {
	if f.at >= f.source.Len() {
		return nil
	}
	at := f.at
	first := f.source.At(at)
	f.at++
	if s.op != Get {
		return s.newOther(first)
	}
	members := []Request{first}
	for first.joinable() && f.at < f.source.Len() {
		r := f.source.At(f.at)
		if !joins(members, r, s.opts.PartSize) {
			break
		}
		members = append(members, r)
		f.at++
	}
	return s.newGet(members, nil, at, f.following)
}

// following returns the request that is being made a job, and those after it.
func (f *requestFeed) following(n int64) []Request {
	from := f.at - 1 // no range is joined to a whole object, for which alone this is asked
	n = min(n, f.source.Len()-from)
	out := make([]Request, n)
	for i := range n {
		out[i] = f.source.At(from + i)
	}
	return out
}

// joinable: a range with an end, without memory of its own to go to.
func (r Request) joinable() bool { return r.Memory == nil && r.Offset >= 0 && r.Length >= 0 }

// joins says whether r continues the range that members read, so that one
// request can serve them all. Ranges that overlap are read twice: their
// consumers may write to what they get.
func joins(members []Request, r Request, partSize int64) bool {
	first, last := members[0], members[len(members)-1]
	if !r.joinable() || r.URI != first.URI || r.ETag != first.ETag {
		return false
	}
	if partSize == 0 {
		partSize = defaultPart
	}
	from := r.Offset - first.Offset // relative, and no sum before its terms are checked: none overflows
	gap := from - (last.Offset - first.Offset + last.Length)
	return gap >= 0 && gap <= coalesceGap && r.Length <= partSize-from
}

// listedFeed takes what a listing finds.
type listedFeed struct {
	queue []Request
	at    int64 // of queue[0] among all that were queued
}

func (f *listedFeed) next(s *Stream) *job {
	if len(f.queue) == 0 || s.producer && s.blocks.startAt(f.at) && int64(len(f.queue)) < min(s.blocks.size, maxListed) {
		return nil // a block is made for entries that are known
	}
	r := f.queue[0]
	job := s.newGet([]Request{r}, []byte(r.URI), f.at, func(n int64) []Request { return f.queue[:min(n, int64(len(f.queue)))] })
	f.queue = f.queue[1:]
	f.at++
	s.room.Signal()
	return job
}

// newGet makes the job of reading what members ask for; at and following are for blocks.join.
func (s *Stream) newGet(members []Request, text []byte, at int64, following func(int64) []Request) *job {
	first, last := members[0], members[len(members)-1]
	g := &get{requests: members, text: text, partSize: s.opts.PartSize}
	g.block, g.place = s.blocks.join(at, following)
	g.want = backend.Range{Offset: first.Offset, Length: last.Length}
	if last.Length >= 0 {
		g.want.Length = last.Offset + last.Length - first.Offset
	}
	g.expected = -1
	switch {
	case g.want.Length >= 0:
		g.expected = g.want.Length
	case first.Size >= 0:
		g.expected = max(0, first.Size-first.Offset)
	}
	need := g.expected
	switch {
	case first.Memory != nil:
		need = 0
	case need < 0 && g.partSize > 0:
		need = g.partSize
	case need < 0:
		need = unknownNeed
	}
	return s.newJob(first, len(members), g, need)
}

func (s *Stream) newJob(r Request, width int, steps steps, need int64) *job {
	return &job{
		stream: s, steps: steps, index: r.Index, width: width, op: s.op.String(), uri: r.URI,
		need: min(need, maxNeed) + overhead, planned: 1,
	}
}
