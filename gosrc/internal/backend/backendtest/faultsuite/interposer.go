package faultsuite

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"testing"
)

// Interposer stands before a server, passes requests on and spoils what a test
// asks it to. What it passes on is the server's own.
type Interposer struct {
	Endpoint string // base URL

	mu    sync.Mutex
	spoil func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) bool
}

// NewInterposer stands before the server at addr (host:port) until the test ends.
func NewInterposer(tb testing.TB, addr string) *Interposer {
	tb.Helper()
	i := &Interposer{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: addr})
			r.Out.URL.Path, r.Out.URL.RawPath, r.Out.URL.RawQuery = r.In.URL.Path, r.In.URL.RawPath, r.In.URL.RawQuery
			r.Out.Host = r.In.Host // it may be part of a signature
		},
		FlushInterval: -1,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		spoil := i.spoil
		i.mu.Unlock()
		pass := func(w http.ResponseWriter) { proxy.ServeHTTP(w, r) }
		if spoil == nil || !spoil(w, r, pass) {
			pass(w)
		}
	}))
	tb.Cleanup(server.Close)
	i.Endpoint = server.URL
	return i
}

// Spoil sets what happens to requests: f says whether it has answered. pass has
// the server answer into another writer. nil ends it.
func (i *Interposer) Spoil(f func(w http.ResponseWriter, r *http.Request, pass func(http.ResponseWriter)) bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.spoil = f
}

// Refuse answers the next n requests with a status, as a balancer would that
// knows nothing of the service behind it.
func (i *Interposer) Refuse(n int, status int, header map[string]string) {
	var mu sync.Mutex
	i.Spoil(func(w http.ResponseWriter, _ *http.Request, _ func(http.ResponseWriter)) bool {
		mu.Lock()
		defer mu.Unlock()
		if n == 0 {
			return false
		}
		n--
		for name, value := range header {
			w.Header().Set(name, value)
		}
		text := "<html><body>" + http.StatusText(status) + "</body></html>"
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text)) // the client may have gone
		return true
	})
}

// cut ends the connection of a request without an answer.
func cut(w http.ResponseWriter) {
	if nc, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = nc.Close() // that it is gone is what is wanted
	}
}
