package fetch

import (
	"context"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// steps is what a kind of job does. start is step 0; it may announce more steps
// through job.plan, which then run concurrently as step; finish runs after all
// of them succeeded, fail after one of them did not.
type steps interface {
	start(ctx context.Context, j *job) error
	step(ctx context.Context, j *job, n int) error
	finish(ctx context.Context, j *job) ([]Item, error)
	// fail cleans up; true asks to run the job again from the start.
	fail(j *job, err *errs.Error) (again bool)
}

// job is one unit of delivery on its way. The fields below the line are the
// schedule's and are guarded by Stream.mu.
type job struct {
	stream *Stream
	steps  steps
	index  int64 // of the first request
	width  int   // requests it answers
	op     string
	uri    string
	need   int64 // bytes of memory it is known, or expected, to take
	carry  int64 // bytes that each step takes besides, while it is under way

	since    time.Time // when its first step began
	next     int       // step to run next
	planned  int       // steps there are
	inflight int       // steps under way
	admitted int64     // bytes counted against the budget
	err      *errs.Error
	items    []Item
	done     bool
}

// maxNeed is more than any memory, yet sums of it do not overflow: sizes come
// from servers.
const maxNeed = 1 << 60

// overhead is counted for every job beside its payload, so that the budget also
// bounds how many empty objects wait for a slow consumer.
const overhead = 4 << 10

// carries corrects what each step takes while it is under way. Called from start, before plan.
func (j *job) carries(bytes int64) {
	j.stream.mu.Lock()
	defer j.stream.mu.Unlock()
	j.stream.inUse += (bytes - j.carry) * int64(j.inflight)
	j.carry = bytes
}

// plan announces the total number of steps and the memory that the job takes,
// once step 0 knows them. Called from start, at most once a run.
func (j *job) plan(steps int, bytes int64) {
	s := j.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	j.need = bytes + overhead
	more := j.need - j.admitted
	if more < 0 || steps == 1 { // no further step asks for room
		s.inUse += more
		j.admitted = j.need
	}
	if more < 0 {
		s.wakeIdle(1)
	}
	if steps > 1 {
		j.planned = steps
		s.split = append(s.split, j)
		s.wakeWorkers(steps - 1)
	}
}
