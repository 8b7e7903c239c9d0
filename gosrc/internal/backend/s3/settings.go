package s3

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/s3/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// endpoints are the base URLs: those of the configuration, else the one of the
// environment, of the profile, or of AWS in the region.
func endpoints(cfg *config.Config) ([]string, error) {
	list := cfg.Endpoints
	if len(list) == 0 {
		p, err := loadProfiles(cfg)
		if err != nil {
			return nil, err
		}
		_, profile, err := p.chosen()
		if err != nil {
			return nil, err
		}
		region := region(cfg, profile)
		aws := "https://s3." + region + "." + domain(region)
		list = []string{or(cfg.Getenv("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"), or(profile["endpoint_url"], aws))}
	}
	out := make([]string, len(list))
	for i, text := range list {
		u, err := parseEndpoint(text)
		if err != nil {
			return nil, err
		}
		out[i] = u.String()
	}
	return out, nil
}

func region(cfg *config.Config, profile section) string {
	return or(or(cfg.Region, cfg.Getenv("AWS_REGION", "AWS_DEFAULT_REGION")), or(profile["region"], "us-east-1"))
}

// domain is that of the partition of AWS that a region belongs to.
func domain(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

func parseEndpoint(text string) (*url.URL, error) {
	if strings.Contains(text, "@") { // also in what is no URL: the error must not show it
		return nil, errs.New(errs.Invalid, "configure", "", "an endpoint URL holds a user name or a password").
			WithHint("Give credentials by environment or profile, and the endpoint without them")
	}
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errs.New(errs.Invalid, "configure", "", "the endpoint %q is not a base URL", text).
			WithHint("Write it as https://host or http://host:port")
	}
	return u, nil
}

// pathStyle says whether buckets go into the path: everywhere but at AWS
// itself, unless configured otherwise.
func pathStyle(cfg *config.Config, endpoint *url.URL) bool {
	host := endpoint.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return true // no name to put a bucket in front of
	}
	if cfg.ForcePathStyle != nil {
		return *cfg.ForcePathStyle
	}
	return !strings.HasSuffix(host, ".amazonaws.com") && !strings.HasSuffix(host, ".amazonaws.com.cn")
}

// userAgent is what requests say of who sends them.
func userAgent(cfg *config.Config) string {
	return strings.TrimSpace(cfg.UserAgent + " s3dlio")
}

// transport is the way to an endpoint.
func transport(cfg *config.Config, endpoint *url.URL) (*wire.Transport, error) {
	t := &wire.Transport{
		Proxy: proxyFunc(cfg),
		Dial:  cfg.ConnectTimeout.Duration(),
		Stall: cfg.RequestTimeout.Duration(),
	}
	if endpoint.Scheme == "https" {
		var err error
		if t.TLS, err = tlsConfig(cfg); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func tlsConfig(cfg *config.Config) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	file := or(cfg.CABundle, cfg.Getenv("AWS_CA_BUNDLE"))
	if file == "" {
		return out, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "configure", "", "cannot read the CA bundle").
			WithHint("Correct the option ca_bundle or AWS_CA_BUNDLE")
	}
	out.RootCAs = x509.NewCertPool()
	if !out.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errs.New(errs.Invalid, "configure", "", "the CA bundle %s holds no certificate in PEM form", file)
	}
	return out, nil
}

// proxyFunc follows the proxy variables of the snapshot; as everywhere, they do
// not apply to the machine itself.
func proxyFunc(cfg *config.Config) func(*url.URL) (*url.URL, error) {
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
