package wire

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// secure is a TLS server that answers with data, and a Transport that trusts it.
func secure(t *testing.T, data []byte) (host string, tr *Transport) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(data)
	}))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	tr = transport()
	tr.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	t.Cleanup(tr.Close)
	return strings.TrimPrefix(server.URL, "https://"), tr
}

func TestTLS(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 50_000)
	host, tr := secure(t, data)
	for range 3 {
		if _, body, err := fetch(t, tr, get(host, "/")); err != nil || !bytes.Equal(body, data) {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
	}
	tr.TLS.RootCAs = x509.NewCertPool()
	tr.idle = nil
	if _, _, err := fetch(t, tr, get(host, "/")); err == nil {
		t.Error("an unknown certificate was accepted")
	}
}

func TestTunnel(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 50_000)
	host, tr := secure(t, data)
	tunnels := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != host || r.Header.Get("Proxy-Authorization") == "" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		tunnels++
		server, err := net.Dial("tcp", r.Host)
		if err != nil {
			t.Error(err)
			return
		}
		client, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { io.Copy(server, buffered); server.Close() }()
		go func() { io.Copy(client, server); client.Close() }()
	}))
	defer proxy.Close()
	via, _ := url.Parse(strings.Replace(proxy.URL, "http://", "http://user:word@", 1))
	tr.Proxy = func(*url.URL) (*url.URL, error) { return via, nil }
	for range 3 {
		if _, body, err := fetch(t, tr, get(host, "/")); err != nil || !bytes.Equal(body, data) {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
	}
	if tunnels != 1 {
		t.Errorf("3 requests took %d tunnels", tunnels)
	}
	_, _, err := fetch(t, tr, get("elsewhere.example", "/"))
	if err == nil || !strings.Contains(err.Error(), "refuses a tunnel") {
		t.Errorf("a refused tunnel: %v", err)
	}
}
