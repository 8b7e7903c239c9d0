package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"golang.org/x/net/proxy"
)

// open makes a connection to host, through a proxy where one is to be used.
func (t *Transport) open(ctx context.Context, host string) (*conn, error) {
	limited, cancel := context.WithTimeout(ctx, t.Dial)
	defer cancel()
	c, err := t.connect(limited, host)
	if err != nil && ctx.Err() == nil && (limited.Err() != nil || errors.Is(err, context.DeadlineExceeded)) {
		return nil, errDial
	}
	return c, err
}

var errDial = errors.New("no connection within the connect timeout")

// IsDialTimeout says whether err is a connection that took too long to open.
func IsDialTimeout(err error) bool { return errors.Is(err, errDial) }

func (t *Transport) connect(ctx context.Context, host string) (*conn, error) {
	scheme, port := "http", "80"
	if t.TLS != nil {
		scheme, port = "https", "443"
	}
	via, err := t.proxyFor(scheme, host)
	if err != nil {
		return nil, err
	}
	c := &conn{t: t, host: host}
	target := withPort(host, port)
	switch {
	case via == nil:
		c.Conn, err = c.dial(ctx, target)
	case via.Scheme == "socks5" || via.Scheme == "socks5h":
		c.Conn, err = c.socks(ctx, via, target)
	default:
		c.Conn, err = c.httpProxy(ctx, via, target)
	}
	if err != nil {
		return nil, err
	}
	if t.TLS != nil {
		if c.Conn, err = handshake(ctx, c.Conn, t.TLS, target); err != nil {
			return nil, err
		}
	}
	c.br = bufio.NewReaderSize(c, readBuffer)
	return c, nil
}

func (t *Transport) proxyFor(scheme, host string) (*url.URL, error) {
	if t.Proxy == nil {
		return nil, nil
	}
	return t.Proxy(&url.URL{Scheme: scheme, Host: host})
}

func (c *conn) dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c.tcp = nc.(*net.TCPConn)
	return nc, nil
}

// socksDialer is dial as a SOCKS client wants it.
type socksDialer struct{ c *conn }

func (d socksDialer) Dial(_, addr string) (net.Conn, error) {
	return d.c.dial(context.Background(), addr)
}

func (d socksDialer) DialContext(ctx context.Context, _, addr string) (net.Conn, error) {
	return d.c.dial(ctx, addr)
}

func (c *conn) socks(ctx context.Context, via *url.URL, target string) (net.Conn, error) {
	var auth *proxy.Auth
	if via.User != nil {
		password, _ := via.User.Password()
		auth = &proxy.Auth{User: via.User.Username(), Password: password}
	}
	d, err := proxy.SOCKS5("tcp", withPort(via.Host, "1080"), auth, socksDialer{c})
	if err != nil {
		return nil, err
	}
	return d.(proxy.ContextDialer).DialContext(ctx, "tcp", target)
}

// httpProxy connects to a proxy, which forwards plain requests and opens a
// tunnel for TLS.
func (c *conn) httpProxy(ctx context.Context, via *url.URL, target string) (net.Conn, error) {
	port := map[string]string{"http": "80", "https": "443"}[via.Scheme]
	if port == "" {
		return nil, fmt.Errorf("proxies of scheme %q are not supported", via.Scheme)
	}
	addr := withPort(via.Host, port)
	nc, err := c.dial(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	if via.Scheme == "https" {
		secure := &tls.Config{MinVersion: tls.VersionTLS12}
		if c.t.TLS != nil {
			secure.RootCAs = c.t.TLS.RootCAs
		}
		if nc, err = handshake(ctx, nc, secure, addr); err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
	}
	auth := ""
	if via.User != nil {
		password, _ := via.User.Password()
		auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(via.User.Username()+":"+password))
	}
	if c.t.TLS == nil {
		c.forward, c.auth = "http://"+c.host, auth
		return nc, nil
	}
	if err := tunnel(ctx, c.t, nc, target, auth); err != nil {
		_ = nc.Close() // err is the failure to report
		return nil, err
	}
	return nc, nil
}

// tunnel asks a proxy to pass everything on to target.
func tunnel(ctx context.Context, t *Transport, nc net.Conn, target, auth string) error {
	c := &conn{Conn: nc, t: t, auth: auth}
	c.br = bufio.NewReaderSize(c, readBuffer)
	resp, err := c.exchange(ctx, &Request{Method: "CONNECT", Host: target, Target: target})
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	c.stop()
	if resp.Status != 200 {
		return fmt.Errorf("the proxy refuses a tunnel to %s: HTTP %d", target, resp.Status)
	}
	if c.br.Buffered() > 0 {
		return errors.New("the proxy sends data before the tunnel is used")
	}
	return nc.SetDeadline(time.Time{})
}

func handshake(ctx context.Context, nc net.Conn, cfg *tls.Config, addr string) (net.Conn, error) {
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		cfg = cfg.Clone()
		cfg.ServerName = host
	}
	c := tls.Client(nc, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = nc.Close() // err is the failure to report
		return nil, err
	}
	return c, nil
}

// withPort adds the port where host has none.
func withPort(host, port string) string {
	u := url.URL{Host: host}
	if u.Port() != "" {
		return host
	}
	return net.JoinHostPort(u.Hostname(), port)
}
