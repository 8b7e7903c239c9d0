// Package web is what the stores that are reached over HTTP have in common: how
// an endpoint is written, the way to it, what it means when that breaks, and the
// body of an answer.
package web

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// ParseEndpoint reads a base URL, which ends without a slash.
func ParseEndpoint(text string) (*url.URL, error) {
	if strings.Contains(text, "@") { // also in what is no URL: the error must not show it
		return nil, errs.New(errs.Invalid, "configure", "", "an endpoint URL holds a user name or a password").
			WithHint("Give credentials by environment or profile, and the endpoint without them")
	}
	if base, _, found := strings.Cut(text, "?"); found { // it may be a signature: not shown either
		return nil, errs.New(errs.Invalid, "configure", "", "the endpoint %q has a query behind it", base+"?...").
			WithHint("Write it as https://host or http://host:port, and give credentials by environment or profile")
	}
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" || !isPort(u.Port()) {
		return nil, errs.New(errs.Invalid, "configure", "", "the endpoint %q is not a base URL", text).
			WithHint("Write it as https://host or http://host:port")
	}
	return u, nil
}

// isPort says whether a port, where one is given, is one.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return text == "" || err == nil && n > 0
}

// ParseEndpoints is ParseEndpoint for each of a list.
func ParseEndpoints(list []string) ([]string, error) {
	out := make([]string, len(list))
	for i, text := range list {
		u, err := ParseEndpoint(text)
		if err != nil {
			return nil, err
		}
		out[i] = u.String()
	}
	return out, nil
}

// UserAgent is what requests say of who sends them.
func UserAgent(cfg *config.Config) string {
	return strings.TrimSpace(cfg.UserAgent + " s3dlio")
}

// Transport is the way to an endpoint. The variables name a file of trusted
// authorities where the option ca_bundle does not.
func Transport(cfg *config.Config, endpoint *url.URL, variables ...string) (*wire.Transport, error) {
	t := &wire.Transport{
		Proxy: Proxy(cfg),
		Dial:  cfg.ConnectTimeout.Duration(),
		Stall: cfg.RequestTimeout.Duration(),
	}
	if endpoint.Scheme == "https" {
		var err error
		if t.TLS, err = TLS(cfg, variables...); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Bundle is the file of trusted authorities, "" for those of the system.
func Bundle(cfg *config.Config, variables ...string) string {
	if cfg.CABundle != "" {
		return cfg.CABundle
	}
	return cfg.Getenv(variables...)
}

// TLS is how connections are secured, with the authorities of Bundle.
func TLS(cfg *config.Config, variables ...string) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	file := Bundle(cfg, variables...)
	if file == "" {
		return out, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "configure", "", "cannot read the CA bundle").
			WithHint("Correct %s", strings.Join(append([]string{"the option ca_bundle"}, variables...), " or "))
	}
	out.RootCAs = x509.NewCertPool()
	if !out.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errs.New(errs.Invalid, "configure", "", "the CA bundle %s holds no certificate in PEM form", file)
	}
	return out, nil
}

// Proxy follows the proxy variables of the snapshot; as everywhere, they do not
// apply to the machine itself. nil: there is none.
func Proxy(cfg *config.Config) func(*url.URL) (*url.URL, error) {
	proxies := httpproxy.Config{
		HTTPProxy:  cfg.Getenv("HTTP_PROXY", "http_proxy"),
		HTTPSProxy: cfg.Getenv("HTTPS_PROXY", "https_proxy"),
		NoProxy:    cfg.Getenv("NO_PROXY", "no_proxy"),
	}
	if proxies.HTTPProxy == "" && proxies.HTTPSProxy == "" {
		return nil
	}
	return proxies.ProxyFunc()
}

// tokenTimeout bounds a whole exchange with a service that gives credentials.
const tokenTimeout = 30 * time.Second

// TokenClient is for the services that give credentials, which lie elsewhere
// than the store: a plain client that follows the same proxies and authorities.
func TokenClient(cfg *config.Config, variables ...string) (*http.Client, error) {
	secure, err := TLS(cfg, variables...)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{TLSClientConfig: secure, IdleConnTimeout: time.Minute}
	if choose := Proxy(cfg); choose != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) { return choose(r.URL) }
	}
	return &http.Client{Timeout: tokenTimeout, Transport: t}, nil
}

// RetryAfter reads the header of that name: seconds or a date.
func RetryAfter(value string) float64 {
	if s, err := strconv.ParseFloat(value, 64); err == nil && s > 0 {
		return s
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(t).Seconds())
	}
	return 0
}

// Unquote takes the quotes off an ETag.
func Unquote(etag string) string {
	return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`)
}

// SpanLength is how many bytes "bytes 0-9/100" names; -1: none that can be told.
func SpanLength(text string) int64 {
	from, _, ok := ContentRange(text)
	_, end, _ := strings.Cut(text, "-")
	end, _, _ = strings.Cut(end, "/")
	last, err := strconv.ParseInt(end, 10, 64)
	if !ok || err != nil || last < from {
		return -1
	}
	return last - from + 1
}

// ContentRange reads "bytes 0-9/100".
func ContentRange(text string) (from, size int64, ok bool) {
	text, ok = strings.CutPrefix(text, "bytes ")
	span, total, ok2 := strings.Cut(text, "/")
	first, _, ok3 := strings.Cut(span, "-")
	from, err := strconv.ParseInt(first, 10, 64)
	size, err2 := strconv.ParseInt(total, 10, 64)
	return from, size, ok && ok2 && ok3 && err == nil && err2 == nil
}
