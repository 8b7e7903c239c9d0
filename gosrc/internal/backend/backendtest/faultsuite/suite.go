// Package faultsuite holds a remote store, with all that surrounds a backend, to
// its promises while the network or the server fails: what is read is what was
// stored, what is written appears whole or not at all, and what passes is waited for.
//
// The servers are real. What fails is the way to them: toxiproxy below HTTP, and
// an Interposer above.
package faultsuite

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Server is a running server and how clients get at it.
type Server struct {
	Addr string // host:port
	// Config is that of its clients but for the endpoint, which may be something
	// that lies in between.
	Config *config.Config
	// Place is an empty place in a container that exists, another one at each call.
	Place func(testing.TB) uri.URI
	// Freeze makes the server deaf, with its connections open, until Thaw.
	Freeze, Thaw func(testing.TB)
}

// at is the configuration of a client that finds the server at an endpoint.
func (s Server) at(endpoint string) *config.Config {
	cfg := *s.Config
	cfg.Endpoints = []string{endpoint}
	return &cfg
}

// own is the configuration of a client with nothing in between.
func (s Server) own() *config.Config { return s.at("http://" + s.Addr) }

// Suite says how to get at the servers.
type Suite struct {
	Shared func(testing.TB) Server
	Own    func(testing.TB) Server // one that only this test uses
}

// Run runs the whole suite.
func Run(t *testing.T, s Suite) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Suite)
	}{
		{"BodyCutShort", bodyCutShort},
		{"ResetInBody", resetInBody},
		{"Stall", stall},
		{"SlicedAnswers", slicedAnswers},
		{"ServerComesUp", serverComesUp},
		{"Failover", failover},
		{"Throttled", throttled},
		{"ServerErrors", serverErrors},
		{"HalfAnswers", halfAnswers},
		{"OverwrittenBetweenRanges", overwrittenBetweenRanges},
		{"OverwrittenWhileItBreaks", overwrittenWhileItBreaks},
		{"UploadThroughResets", uploadThroughResets},
		{"LostAnswers", lostAnswers},
		{"UploadGivenUp", uploadGivenUp},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
}

// object is something stored on a server, and the bytes it consists of.
type object struct {
	*testing.T
	server Server
	u      uri.URI
	data   []byte
}

func newObject(t *testing.T, server Server, size int) *object {
	t.Helper()
	o := &object{T: t, server: server, data: backendtest.Content(uint64(size), size)}
	place := server.Place(t)
	o.u = place.WithKey(place.Key + "object")
	o.overwrite(o.data)
	return o
}

// overwrite stores other bytes, past everything that fails.
func (o *object) overwrite(data []byte) {
	o.Helper()
	if _, err := o.open(o.server.own()).Put(o.Context(), o.u, data, nil); err != nil {
		o.Fatal(err)
	}
}

// open makes a store of a configuration, with retries and all.
func (o *object) open(cfg *config.Config) *wrap.Store {
	o.Helper()
	_, driver, err := backend.Resolve("test", o.u.String())
	if err != nil {
		o.Fatal(err)
	}
	store, err := wrap.Open(o.Context(), driver, cfg)
	if err != nil {
		o.Fatal(err)
	}
	o.Cleanup(func() { store.Close() })
	return store
}

// through opens a store that reaches the server by toxiproxy.
func (o *object) through() (*wrap.Store, *testservers.Proxy) {
	o.Helper()
	proxy := testservers.SharedToxiproxy(o).Proxy(o, o.server.Addr)
	return o.open(o.server.at(proxy.Endpoint)), proxy
}

// read reads the object; half is called once half of it has come.
func (o *object) read(store *wrap.Store, half func()) error {
	body, err := store.Open(o.Context(), o.u, backend.Whole, "")
	if err != nil {
		return err
	}
	defer body.Close()
	got := make([]byte, len(o.data))
	if _, err := io.ReadFull(body, got[:len(got)/2]); err != nil {
		return err
	}
	if half != nil {
		half()
	}
	if _, err := io.ReadFull(body, got[len(got)/2:]); err != nil {
		return err
	}
	if n, err := body.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		o.Errorf("after the last byte: %d, %v", n, err)
	}
	if !bytes.Equal(got, o.data) {
		o.Error("the bytes read are not those stored")
	}
	return nil
}

// awaitFailures waits until the store has noticed n failures.
func awaitFailures(t *testing.T, store *wrap.Store, n int64) {
	for deadline := time.Now().Add(30 * time.Second); store.Stats().Failures < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("no failure was noticed: %+v", store.Stats())
			return
		}
	}
}
