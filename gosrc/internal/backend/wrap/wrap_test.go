package wrap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/mem"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// memory is the driver of mem, as if it had the given endpoints.
func memory(t testing.TB, endpoints ...string) backend.Driver {
	t.Helper()
	_, d, err := backend.Resolve("test", "mem://any")
	if err != nil {
		t.Fatal(err)
	}
	d.Endpoints = func(*config.Config) ([]string, error) { return endpoints, nil }
	return d
}

func open(t testing.TB, d backend.Driver) *Store {
	t.Helper()
	cfg := config.Default()
	s, err := Open(t.Context(), d, &cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var counter atomic.Int64

func container(testing.TB) uri.URI {
	return uri.URI{Scheme: "mem", Container: fmt.Sprint("wrap", counter.Add(1))}
}

// What is around a backend keeps its promises.
func TestConformance(t *testing.T) {
	for name, endpoints := range map[string][]string{"endpoints": {"a", "b", "c"}, "local": nil} {
		t.Run(name, func(t *testing.T) {
			backendtest.Run(t, backendtest.Suite{
				New: func(t testing.TB) backend.Backend { return open(t, memory(t, endpoints...)) },
				Base: func(t testing.TB) uri.URI {
					u := container(t)
					if err := open(t, memory(t)).CreateContainer(t.Context(), u); err != nil {
						t.Fatal(err)
					}
					return u
				},
				Container: container,
				Large:     1 << 20,
			})
		})
	}
}

func TestStatsAsJSON(t *testing.T) {
	s := open(t, memory(t, "http://a", "http://b"))
	u := container(t)
	if err := s.CreateContainer(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if _, err := s.Put(t.Context(), u.WithKey(fmt.Sprint(i)), make([]byte, 100), nil); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(s.Stats())
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, []string{"attempts", "bytes_read", "bytes_written", "endpoints", "failures", "requests"}) {
		t.Errorf("%s", text)
	}
	if got["requests"] != 11.0 || got["attempts"] != 11.0 || got["failures"] != 0.0 || got["bytes_written"] != 1000.0 {
		t.Errorf("%s", text)
	}
	first := got["endpoints"].([]any)[0].(map[string]any)
	if first["endpoint"] != "http://a" || first["attempts"].(float64) < 5 || first["available"] != true || first["in_flight"] != 0.0 {
		t.Errorf("%s", text)
	}
}

// flawed counts what was closed of the stores that could be opened.
type flawed struct {
	backend.Backend
	closed *int
}

func (f flawed) Close() error {
	*f.closed++
	return nil
}

func TestOpenFails(t *testing.T) {
	refusal := errs.New(errs.Invalid, "configure", "", "on purpose")
	var closed int
	d := memory(t, "a", "b", "c")
	d.New = func(_ context.Context, _ *config.Config, endpoint string) (backend.Backend, error) {
		if endpoint == "c" {
			return nil, refusal
		}
		return flawed{closed: &closed}, nil
	}
	cfg := config.Default()
	if _, err := Open(t.Context(), d, &cfg); !errors.Is(err, refusal) || closed != 2 {
		t.Errorf("%v, %d closed", err, closed)
	}
	d.Endpoints = func(*config.Config) ([]string, error) { return nil, refusal }
	if _, err := Open(t.Context(), d, &cfg); !errors.Is(err, refusal) {
		t.Errorf("%v", err)
	}
}

// busy fails every operation as a server under load does.
type busy struct {
	backend.Backend
	calls *int
}

func (b busy) Stat(context.Context, uri.URI) (backend.Info, error) {
	*b.calls++
	return backend.Info{}, errs.New(errs.Server, "stat", "", "on purpose")
}

// Only stores with endpoints are tried again, and the options say how often.
func TestWhatIsRetried(t *testing.T) {
	for _, c := range []struct {
		endpoints []string
		attempts  int
		want      int
	}{{nil, 3, 1}, {[]string{"a"}, 3, 3}, {[]string{"a"}, 1, 1}, {[]string{"a", "b"}, 1, 2}} {
		var calls int
		d := memory(t, c.endpoints...)
		d.New = func(context.Context, *config.Config, string) (backend.Backend, error) {
			return busy{calls: &calls}, nil
		}
		cfg := config.Default()
		cfg.MaxAttempts = c.attempts
		s, err := Open(t.Context(), d, &cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Stat(t.Context(), container(t)); errs.CodeOf(err) != errs.Server || calls != c.want {
			t.Errorf("%+v: %v after %d calls", c, err, calls)
		}
		if s := s.Stats(); s.Requests != 1 || s.Attempts != int64(c.want) || s.Failures != int64(c.want) {
			t.Errorf("%+v: %+v", c, s)
		}
	}
}
