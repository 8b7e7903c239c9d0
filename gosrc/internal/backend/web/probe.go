package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
)

// Clocks: AWS refuses what differs by more than refusedSkew.
const (
	noticedSkew = 30 * time.Second
	refusedSkew = 15 * time.Minute
)

// Endpoint goes the way to an endpoint step by step; true where an HTTP server answers.
func (d *Diagnosis) Endpoint(ctx context.Context, endpoint string) bool {
	u, err := ParseEndpoint(endpoint)
	if err != nil {
		d.Failed("endpoint", err)
		return false
	}
	if choose := Proxy(d.Cfg); choose != nil {
		via, err := choose(u)
		if err != nil {
			d.Add(backend.Found("proxy", backend.Fail, "the proxy variables are wrong: %v", err).WithFix("Correct HTTP_PROXY and HTTPS_PROXY"))
			return false
		}
		if via != nil {
			d.Add(backend.Found("proxy", backend.Note, "%s", withoutUser(via)))
			return d.answers(ctx, u)
		}
	}
	address, ok := d.resolve(ctx, u)
	return ok && d.connect(ctx, u, address) && d.answers(ctx, u)
}

// resolve looks the host up.
func (d *Diagnosis) resolve(ctx context.Context, u *url.URL) (address string, ok bool) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if net.ParseIP(u.Hostname()) != nil {
		return net.JoinHostPort(u.Hostname(), port), true
	}
	limited, cancel := context.WithTimeout(ctx, d.Cfg.ConnectTimeout.Duration())
	defer cancel()
	begun := time.Now()
	addresses, err := net.DefaultResolver.LookupHost(limited, u.Hostname())
	if err != nil {
		d.Add(backend.Found("dns", backend.Fail, "the host %s is not known: %v", u.Hostname(), err).
			WithFix("Check the endpoint %s and the DNS", u))
		return "", false
	}
	took := time.Since(begun)
	d.Add(backend.Found("dns", backend.Fine, "%s is %s (%s)", u.Hostname(), strings.Join(addresses, ", "), shortTime(took)).
		WithFacts(milliseconds(took)))
	return net.JoinHostPort(u.Hostname(), port), true
}

func (d *Diagnosis) connect(ctx context.Context, u *url.URL, address string) bool {
	limited, cancel := context.WithTimeout(ctx, d.Cfg.ConnectTimeout.Duration())
	defer cancel()
	begun := time.Now()
	var dialer net.Dialer
	nc, err := dialer.DialContext(limited, "tcp", address)
	if err != nil {
		d.Add(backend.Found("connect", backend.Fail, "no connection to %s: %v", address, err).
			WithFix("Check that a server runs at %s, and that no firewall is in between", u))
		return false
	}
	defer nc.Close()
	took := time.Since(begun)
	d.Add(backend.Found("connect", backend.Fine, "connected to %s (%s)", nc.RemoteAddr(), shortTime(took)).WithFacts(milliseconds(took)))
	if u.Scheme == "http" {
		return true
	}
	cfg, err := TLS(d.Cfg, d.Bundle...)
	if err != nil {
		d.Failed("tls", err)
		return false
	}
	return d.handshake(limited, nc, cfg, u)
}

func (d *Diagnosis) handshake(ctx context.Context, nc net.Conn, cfg *tls.Config, u *url.URL) bool {
	cfg.ServerName = u.Hostname()
	begun := time.Now()
	c := tls.Client(nc, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		d.Add(untrusted(err, u))
		return false
	}
	took := time.Since(begun)
	state := c.ConnectionState()
	leaf := state.PeerCertificates[0]
	level, fix := backend.Fine, ""
	if left := time.Until(leaf.NotAfter); left < 14*24*time.Hour {
		level, fix = backend.Warn, "The certificate ends soon: renew it on the server"
	}
	d.Add(backend.Found("tls", level, "%s, certificate of %s until %s (%s)", tls.VersionName(state.Version),
		leaf.Issuer.CommonName, leaf.NotAfter.UTC().Format(time.DateOnly), shortTime(took)).WithFix("%s", fix).WithFacts(milliseconds(took)))
	return true
}

// untrusted says what is wrong with a certificate.
func untrusted(err error, u *url.URL) backend.Finding {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, new(tls.RecordHeaderError)):
		return backend.Found("tls", backend.Fail, "the server does not speak TLS").WithFix("Write the endpoint as http://%s if that is meant", u.Host)
	case errors.As(err, &name):
		return backend.Found("tls", backend.Fail, "the certificate is not for %s but for %s", u.Hostname(), strings.Join(name.Certificate.DNSNames, ", ")).
			WithFix("Use a name that the certificate has in the endpoint")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return backend.Found("tls", backend.Fail, "the certificate is not valid now: %v", err).
			WithFix("Renew it on the server, or set the clock of this machine")
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return backend.Found("tls", backend.Fail, "the certificate is not trusted: %v", err).
			WithFix("Give the authority that issued it with the option ca_bundle")
	}
	return backend.Found("tls", backend.Fail, "no TLS connection: %v", err).WithFix("Check that %s is the right endpoint", u)
}

// answers sends a request without credentials: whatever the answer, it has the
// clock of the server.
func (d *Diagnosis) answers(ctx context.Context, u *url.URL) bool {
	t, err := Transport(d.Cfg, u, d.Bundle...)
	if err != nil {
		d.Failed("http", err)
		return false
	}
	defer t.Close()
	limited, cancel := context.WithTimeout(ctx, d.Cfg.RequestTimeout.Duration())
	defer cancel()
	begun := time.Now()
	agent := wire.Field{Name: "user-agent", Value: UserAgent(d.Cfg)}
	resp, err := t.Do(limited, &wire.Request{Method: http.MethodGet, Host: u.Host, Target: u.EscapedPath() + "/", Header: wire.Header{agent}})
	took := time.Since(begun)
	if err != nil {
		d.Failed("http", Broken(err, "diagnose", d.URI, u))
		return false
	}
	defer resp.Close()
	text, _ := io.ReadAll(io.LimitReader(resp, 4096)) // what is missing of it is not needed
	if resp.Status == http.StatusBadRequest && strings.Contains(strings.ToUpper(string(text)), "HTTPS") {
		d.Add(backend.Found("http", backend.Fail, "the server speaks TLS here").WithFix("Write the endpoint as https://%s", u.Host))
		return false
	}
	name := resp.Header.Get("Server")
	if name == "" {
		name = "it has no name"
	}
	d.Add(backend.Found("http", backend.Fine, "an HTTP server answers: %s (%s)", name, shortTime(took)).WithFacts(milliseconds(took)))
	d.clock(resp, begun.Add(took/2))
	return true
}

// clock compares the clocks; a Date has whole seconds.
func (d *Diagnosis) clock(resp *wire.Response, now time.Time) {
	there, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		d.Add(backend.Found("clock", backend.Note, "the server does not say what time it is"))
		return
	}
	skew := now.Sub(there.Add(time.Second / 2))
	facts := map[string]any{"skew_seconds": skew.Seconds()}
	if skew.Abs() < noticedSkew {
		d.Add(backend.Found("clock", backend.Fine, "the clocks agree to within %s", max(skew.Abs(), time.Second).Round(time.Second)).WithFacts(facts))
		return
	}
	level, side := backend.Warn, "ahead of"
	if skew.Abs() > refusedSkew {
		level = backend.Fail
	}
	if skew < 0 {
		side = "behind"
	}
	d.Add(backend.Found("clock", level, "this machine is %s %s the server", skew.Abs().Round(time.Second), side).
		WithFix("Set the clocks: services refuse signatures that are more than 15 minutes off").WithFacts(facts))
}

func milliseconds(t time.Duration) map[string]any {
	return map[string]any{"ms": float64(t.Microseconds()) / 1e3}
}
