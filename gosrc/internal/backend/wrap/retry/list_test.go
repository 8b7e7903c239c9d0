package retry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// tearing is a store whose listings break off after two pages of three keys.
type tearing struct {
	backend.Backend
	keys   []string
	starts int
}

func (s *tearing) List(_ context.Context, _ uri.URI, _ bool, page func([]backend.Entry) error) error {
	return s.from("", page)
}

func (s *tearing) ListContainers(_ context.Context, page func([]backend.Entry) error) error {
	s.starts++
	for i, key := range s.keys { // more each time
		if i == 2*s.starts {
			return failure(errs.Timeout)
		}
		if err := page([]backend.Entry{{Key: key}}); err != nil {
			return err
		}
	}
	return nil
}

func (s *tearing) from(after string, page func([]backend.Entry) error) error {
	s.starts++
	i, _ := slices.BinarySearch(s.keys, after)
	for n := 0; i < len(s.keys); n++ {
		if n == 2 {
			return failure(errs.Connection)
		}
		var entries []backend.Entry
		for ; i < len(s.keys) && len(entries) < 3; i++ {
			entries = append(entries, backend.Entry{Key: s.keys[i]})
		}
		if err := page(entries); err != nil {
			return err
		}
	}
	return nil
}

// continued is tearing with listings that begin behind a key; like S3 it may
// repeat the key.
type continued struct{ tearing }

func (s *continued) ListAfter(_ context.Context, _ uri.URI, _ bool, after string, page func([]backend.Entry) error) error {
	return s.from(after, page)
}

func names(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("key%03d", i))
	}
	return out
}

func TestListGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &continued{tearing{keys: names(20)}}
		var got []string
		err := New(store, policy, known).List(t.Context(), place, true, func(entries []backend.Entry) error {
			for _, e := range entries {
				got = append(got, e.Key)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, store.keys) || store.starts < 3 {
			t.Errorf("%v, %v in %d goes", got, err, store.starts)
		}
	})
}

func TestListContainersGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &tearing{keys: names(20)}
		var got []string
		err := New(store, policy, known).ListContainers(t.Context(), func(entries []backend.Entry) error {
			got = append(got, entries[0].Key)
			return nil
		})
		if err != nil || !slices.Equal(got, store.keys) {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// A listing that cannot get past a point is given up.
func TestListWithoutProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &tearing{keys: names(20)}
		var got int
		err := New(store, policy, known).List(t.Context(), place, true, func(entries []backend.Entry) error {
			got += len(entries)
			return nil
		})
		if errs.CodeOf(err) != errs.Connection || got != 6 {
			t.Errorf("%d entries, %v", got, err)
		}
	})
}

// The consumer's own error is not a reason to try again, whatever it is.
func TestListEndedByTheConsumer(t *testing.T) {
	for _, refusal := range []error{errors.New("enough"), failure(errs.Timeout)} {
		store := &tearing{keys: names(20)}
		err := New(store, policy, known).List(t.Context(), place, true, func([]backend.Entry) error { return refusal })
		if !errors.Is(err, refusal) || store.starts != 1 {
			t.Errorf("%v in %d goes", err, store.starts)
		}
	}
}
