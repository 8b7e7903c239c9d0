package fetch

import (
	"context"
	"encoding/json"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// newOther makes the job of a request of any operation but reading and listing.
func (s *Stream) newOther(r Request) *job {
	switch s.op {
	case Put:
		return s.newJob(r, 1, &put{request: r}, 0)
	case Copy:
		return s.newCopy(r)
	}
	return s.newJob(r, 1, &simple{request: r}, 0)
}

// simple is an operation of one step.
type simple struct {
	request Request
	item    Item
}

func (o *simple) start(ctx context.Context, j *job) error {
	o.item = Item{Index: o.request.Index, Size: -1}
	op := j.stream.op
	if op == Diagnose {
		return o.diagnose(ctx, j)
	}
	t, err := j.stream.client.target(ctx, op, j.uri)
	if err != nil {
		return err
	}
	switch op {
	case Stat:
		return o.stat(ctx, t)
	case Delete:
		if err := t.needsKey(j.op, j.uri); err != nil {
			return err
		}
		return t.store.Delete(ctx, t.uri)
	case Mkdir:
		return t.store.Mkdir(ctx, t.uri)
	case CreateContainer:
		return t.store.CreateContainer(ctx, t.uri)
	case DeleteContainer:
		return t.store.DeleteContainer(ctx, t.uri)
	}
	return errs.New(errs.Internal, j.op, j.uri, "operation %d has no steps", int(op))
}

// stat of a container as such says whether it exists.
func (o *simple) stat(ctx context.Context, t target) (err error) {
	info := backend.Info{IsDir: true}
	if t.uri.Key == "" {
		err = t.store.Mkdir(ctx, t.uri)
	} else {
		info, err = t.store.Stat(ctx, t.uri)
	}
	o.item.Size, o.item.Text = info.Size, infoJSON(info)
	return err
}

// diagnose asks the driver, without a store: what is wrong may keep it from
// being opened. Where the driver has nothing to say, that it opens is all.
func (o *simple) diagnose(ctx context.Context, j *job) error {
	u, driver, err := backend.Resolve(j.op, j.uri)
	if err != nil {
		return err
	}
	findings := []backend.Finding{}
	if driver.Diagnose != nil {
		findings = driver.Diagnose(ctx, j.stream.client.cfg, u)
	} else if _, err := j.stream.client.store(ctx, driver); err != nil {
		return err
	}
	o.item.Text, err = json.Marshal(findings)
	return err
}

func (o *simple) step(_ context.Context, j *job, n int) error {
	return errs.New(errs.Internal, j.op, j.uri, "unexpected step %d", n)
}

func (o *simple) finish(context.Context, *job) ([]Item, error) { return []Item{o.item}, nil }

func (o *simple) fail(*job, *errs.Error) bool { return false }

// needsKey refuses a URI that names a container where an object is meant.
func (t target) needsKey(op, text string) error {
	if t.uri.Key != "" {
		return nil
	}
	return errs.New(errs.Invalid, op, text, "the URI names a bucket, not an object in it").
		WithHint("Add the object's key: %skey", t.uri.Base())
}

// infoJSON is the text of a STAT or PUT item.
func infoJSON(info backend.Info) []byte {
	out := struct {
		backend.Info
		ModTime int64 `json:"mtime_ns,omitempty"`
	}{Info: info}
	if !info.ModTime.IsZero() {
		out.ModTime = info.ModTime.UnixNano()
	}
	text, err := json.Marshal(out)
	if err != nil { // strings and numbers only: cannot happen
		panic(err)
	}
	return text
}
