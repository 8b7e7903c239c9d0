package testservers

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
)

// Toxiproxy is a running toxiproxy server.
type Toxiproxy struct {
	api    string
	number atomic.Int64
	*process
}

// NewToxiproxy starts toxiproxy for the duration of a test.
func NewToxiproxy(tb testing.TB) *Toxiproxy {
	tb.Helper()
	return toxiproxy(testLifetime(tb))
}

func toxiproxy(l lifetime) *Toxiproxy {
	l.Helper()
	host, port, err := net.SplitHostPort(FreeAddr(l))
	if err != nil {
		l.Fatal(err)
	}
	x := &Toxiproxy{api: "http://" + net.JoinHostPort(host, port)}
	x.process = start(l, "toxiproxy", []string{"-host", host, "-port", port}, nil, func() error {
		return healthy(x.api+"/version", http.StatusOK)
	})
	return x
}

// Proxy is one way to an upstream server, on which faults can be put.
type Proxy struct {
	Addr     string // host:port at which it listens
	Endpoint string // the same as URL

	x    *Toxiproxy
	name string
}

// Proxy opens a way to the server at upstream (host:port) until the test ends.
func (x *Toxiproxy) Proxy(tb testing.TB, upstream string) *Proxy {
	tb.Helper()
	p := &Proxy{x: x, name: "p" + strconv.FormatInt(x.number.Add(1), 10)}
	var made struct {
		Listen string `json:"listen"`
	}
	x.call(tb, http.MethodPost, "/proxies", map[string]any{
		"name": p.name, "listen": "127.0.0.1:0", "upstream": upstream, "enabled": true,
	}, &made)
	p.Addr, p.Endpoint = made.Listen, "http://"+made.Listen
	tb.Cleanup(func() { x.call(tb, http.MethodDelete, "/proxies/"+p.name, nil, nil) })
	return p
}

// Toxic puts a fault on the answers of the server and returns what removes it.
// See toxiproxy for the kinds and their attributes.
func (p *Proxy) Toxic(tb testing.TB, kind string, attributes map[string]any) (remove func()) {
	tb.Helper()
	path := "/proxies/" + p.name + "/toxics"
	p.x.call(tb, http.MethodPost, path, map[string]any{
		"name": kind, "type": kind, "stream": "downstream", "attributes": attributes,
	}, nil)
	return func() { p.x.call(tb, http.MethodDelete, path+"/"+kind, nil, nil) }
}

// Enable opens the way, or closes it so that connections are refused.
func (p *Proxy) Enable(tb testing.TB, enabled bool) {
	tb.Helper()
	p.x.call(tb, http.MethodPost, "/proxies/"+p.name, map[string]any{"enabled": enabled}, nil)
}

func (x *Toxiproxy) call(tb testing.TB, method, path string, in, out any) {
	tb.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		tb.Fatal(err)
	}
	req, err := http.NewRequest(method, x.api+path, bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	if resp.StatusCode >= 300 {
		tb.Fatalf("toxiproxy: %s %s: %s: %s", method, path, resp.Status, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			tb.Fatal(err)
		}
	}
}
