package web

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// lasting is a source whose credentials live for an hour, and how often it was asked.
func lasting(asked *int, fail *error) Source[string] {
	return func(context.Context) (string, time.Time, error) {
		*asked++
		return "key", time.Now().Add(time.Hour), *fail
	}
}

func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked int
		var fail error
		k := NewKeyring(lasting(&asked, &fail))
		get := func(want int) {
			t.Helper()
			v, err := k.Get(t.Context())
			if err != nil || !time.Now().Before(v.expires) || asked != want {
				t.Fatalf("%+v, %v after %d inquiries, want %d", v, err, asked, want)
			}
		}
		get(1)
		time.Sleep(57 * time.Minute)
		get(1)
		time.Sleep(90 * time.Second) // less than two minutes before the end
		get(2)
		get(2)

		fail = errors.New("the service is down")
		time.Sleep(58*time.Minute + 30*time.Second)
		get(3) // the old ones are still good
		get(3) // and nobody is asked again at once
		time.Sleep(2 * time.Minute)
		if _, err := k.Get(t.Context()); !errors.Is(err, fail) {
			t.Errorf("with expired credentials: %v", err)
		}
		fail = nil
		time.Sleep(patience)
		get(5)
	})
}

// While one waits for the service, those who have valid credentials do not, and
// those who have none can be cancelled.
func TestWaitingForRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		k := NewKeyring(func(context.Context) (string, time.Time, error) {
			<-release
			return "new", time.Now().Add(time.Hour), nil
		})
		old := hold("old", time.Now().Add(time.Minute))
		k.current.Store(old)
		time.Sleep(50 * time.Second)
		go k.Get(t.Context())
		synctest.Wait()
		if v, err := k.Get(t.Context()); err != nil || v != old {
			t.Errorf("%+v, %v", v, err)
		}
		time.Sleep(20 * time.Second) // they have expired
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := k.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		close(release)
		if v, err := k.Get(t.Context()); err != nil || v.Value != "new" {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// Credentials that the service takes for expired are replaced where there are others.
func TestReplace(t *testing.T) {
	current := "first"
	k := NewKeyring(func(context.Context) (string, time.Time, error) { return current, time.Time{}, nil })
	v, err := k.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if k.Replace(t.Context(), v) {
		t.Error("there is nothing new")
	}
	v, _ = k.Get(t.Context())
	current = "second"
	if !k.Replace(t.Context(), v) {
		t.Error("the new credentials were not found")
	}
	if v, _ := k.Get(t.Context()); v.Value != "second" {
		t.Errorf("%+v", v)
	}
}
