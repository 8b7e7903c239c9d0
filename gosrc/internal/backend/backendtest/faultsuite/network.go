package faultsuite

import (
	"sync"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
)

// Every connection ends after 3 MB, so that a body needs several.
func bodyCutShort(t *testing.T, s Suite) {
	o := newObject(t, s.Shared(t), 10<<20)
	store, proxy := o.through()
	proxy.Toxic(t, "limit_data", map[string]any{"bytes": 3 << 20})
	if err := o.read(store, nil); err != nil {
		t.Error(err)
	}
	if s := store.Stats(); s.Requests != 1 || s.Failures < 3 || s.Attempts < 4 || s.BytesRead != int64(len(o.data)) {
		t.Errorf("statistics: %+v", s)
	}
}

// The connection is reset while data is on its way.
func resetInBody(t *testing.T, s Suite) {
	o := newObject(t, s.Shared(t), 8<<20)
	store, proxy := o.through()
	proxy.Toxic(t, "bandwidth", map[string]any{"rate": 10_000}) // KB/s: time to interfere
	var saboteur sync.WaitGroup
	err := o.read(store, func() {
		saboteur.Go(func() {
			remove := proxy.Toxic(t, "reset_peer", map[string]any{"timeout": 0})
			awaitFailures(t, store, 1)
			remove()
		})
	})
	saboteur.Wait()
	if err != nil {
		t.Error(err)
	}
	if s := store.Stats(); s.Failures == 0 {
		t.Errorf("nothing was reset: %+v", s)
	}
}

// The data stops coming in the middle of a body, and the connection stays. That
// is a Timeout, which the retries get over.
func stall(t *testing.T, s Suite) {
	o := newObject(t, s.Own(t), 32<<20) // more than the socket buffers hold
	cfg := o.server.own()
	cfg.RequestTimeout = config.Seconds(400 * time.Millisecond)
	store := o.open(cfg)
	var healer sync.WaitGroup
	err := o.read(store, func() {
		o.server.Freeze(t)
		healer.Go(func() {
			awaitFailures(t, store, 1)
			o.server.Thaw(t)
		})
	})
	healer.Wait()
	if err != nil {
		t.Error(err)
	}
	cfg.MaxAttempts = 1
	once := o.open(cfg)
	defer o.server.Thaw(t)
	if err := o.read(once, func() { o.server.Freeze(t) }); errs.CodeOf(err) != errs.Timeout {
		t.Errorf("without retries: %v", err)
	}
}

// A header in small pieces is a header all the same.
func slicedAnswers(t *testing.T, s Suite) {
	o := newObject(t, s.Shared(t), 100_000)
	store, proxy := o.through()
	proxy.Toxic(t, "slicer", map[string]any{"average_size": 50, "size_variation": 20, "delay": 0})
	if err := o.read(store, nil); err != nil {
		t.Error(err)
	}
	if s := store.Stats(); s.Failures != 0 {
		t.Errorf("statistics: %+v", s)
	}
}

// The server is not there yet when the work begins.
func serverComesUp(t *testing.T, s Suite) {
	o := newObject(t, s.Shared(t), 1<<20)
	store, proxy := o.through()
	proxy.Enable(t, false)
	var healer sync.WaitGroup
	healer.Go(func() {
		awaitFailures(t, store, 2)
		proxy.Enable(t, true)
	})
	if err := o.read(store, nil); err != nil {
		t.Error(err)
	}
	healer.Wait()
}

// One endpoint goes in the middle of the work, another never was.
func failover(t *testing.T, s Suite) {
	for _, strategy := range []string{"round_robin", "least_busy"} {
		o := newObject(t, s.Shared(t), 100_000)
		proxy := testservers.SharedToxiproxy(t).Proxy(t, o.server.Addr)
		cfg := o.server.at(proxy.Endpoint)
		cfg.Endpoints = append(cfg.Endpoints, "http://"+o.server.Addr, "http://"+testservers.FreeAddr(t))
		cfg.Strategy = strategy
		store := o.open(cfg)
		for i := range 60 {
			if i == 30 {
				proxy.Enable(t, false)
			}
			if err := o.read(store, nil); err != nil {
				t.Fatalf("%s: read %d: %v", strategy, i, err)
			}
		}
		s := store.Stats().Endpoints
		if s[0].Attempts < 10 || s[1].Attempts < 20 || s[2].Failures == 0 || s[2].Attempts != s[2].Failures || s[2].Available || s[0].Available {
			t.Errorf("%s: %+v", strategy, s)
		}
	}
}

// An upload goes on through resets, and what it leaves is right.
func uploadThroughResets(t *testing.T, s Suite) {
	o := newObject(t, s.Shared(t), 12<<20)
	store, proxy := o.through()
	remove := proxy.Toxic(t, "reset_peer", map[string]any{"timeout": 0})
	var healer sync.WaitGroup
	healer.Go(func() {
		awaitFailures(t, store, 1)
		remove()
	})
	o.u = o.u.WithKey(o.u.Key + "-uploaded")
	o.upload(store)
	healer.Wait()
	if err := o.read(store, nil); err != nil {
		t.Error(err)
	}
}
