package testservers

import (
	"net/http"
	"testing"
)

// FakeGCS is a running emulator of Google Cloud Storage. It asks for no credentials.
type FakeGCS struct {
	Addr     string // host:port
	Endpoint string // base URL
	*process
}

// SharedFakeGCS is the fake-gcs-server of the test binary.
func SharedFakeGCS(tb testing.TB) *FakeGCS {
	tb.Helper()
	return once(tb, &shared.fakeGCS, fakeGCS)
}

// NewFakeGCS starts a fake-gcs-server for the duration of a test.
func NewFakeGCS(tb testing.TB) *FakeGCS {
	tb.Helper()
	return fakeGCS(testLifetime(tb))
}

func fakeGCS(l lifetime) *FakeGCS {
	l.Helper()
	g := &FakeGCS{Addr: FreeAddr(l)}
	g.Endpoint = "http://" + g.Addr
	args := []string{
		"-scheme", "http", "-host", "127.0.0.1", "-port", port(l, g.Addr), "-backend", "memory", "-log-level", "warn",
		"-public-host", g.Addr, // where the XML API is
	}
	g.process = start(l, "fake-gcs-server", args, nil, func() error {
		return healthy(g.Endpoint+"/_internal/healthcheck", http.StatusOK)
	})
	return g
}

// Env holds the variable that leads clients here.
func (g *FakeGCS) Env() map[string]string { return map[string]string{"STORAGE_EMULATOR_HOST": g.Addr} }

// Stop ends the server before its lifetime does.
func (g *FakeGCS) Stop() { g.stop() }
