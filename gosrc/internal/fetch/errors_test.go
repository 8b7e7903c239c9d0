package fetch

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func init() {
	backend.Register(backend.Driver{Scheme: "unset", New: func(context.Context, *config.Config, string) (backend.Backend, error) {
		return nil, errs.New(errs.Credentials, "", "", "a profile is missing")
	}})
}

// failure takes the error of the only request of a stream, or that of the stream.
func failure(t *testing.T, s *Stream) *errs.Error {
	t.Helper()
	for {
		items, finished, err := s.Next(1, 1, time.Minute)
		switch {
		case err != nil:
			return errs.From(err, "", "")
		case len(items) > 0 && items[0].Err != nil:
			return items[0].Err
		case finished:
			t.Fatal("no failure")
		}
	}
}

func TestEveryErrorNamesItsOperationAndURI(t *testing.T) {
	for op, name := range opNames {
		_, c := newFake(t)
		err := failure(t, open(t, c, op, requestList{{URI: "unset://b/k", Size: -1, Length: -1}}, defaults()))
		if err.Code != errs.Credentials || err.URI != "unset://b/k" || err.Op != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFailuresInsideAListingNameItsURI(t *testing.T) {
	for name, fails := range map[string]func() error{
		"panic": func() error { panic("boom") },
		"plain": func() error { return errors.New("plain") },
	} {
		for _, op := range []Op{List, GetListed} {
			f, c := newFake(t)
			f.onList = func(u uri.URI) error {
				if u.Key == "bad/" {
					return fails()
				}
				return nil
			}
			f.put("good/k", []byte("k"))
			err := failure(t, open(t, c, op, reads("good/", "bad/"), defaults()))
			if err.Code != errs.Internal || err.URI != "fake://b/bad/" || err.Op != op.String() {
				t.Errorf("%s of %s: %v", name, op, err)
			}
		}
	}
}
