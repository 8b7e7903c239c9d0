package s3

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// configured is a configuration with variables, given as name, value, ...
func configured(variables ...string) *config.Config {
	cfg := config.Default()
	cfg.Env = map[string]string{"AWS_EC2_METADATA_DISABLED": "true"}
	for i := 0; i < len(variables); i += 2 {
		cfg.Env[variables[i]] = variables[i+1]
	}
	return &cfg
}

// home is a home directory with the shared files of AWS.
func home(t *testing.T, configFile, credentialsFile string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"config": configFile, "credentials": credentialsFile} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, ".aws", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEndpointPrecedence(t *testing.T) {
	dir := home(t, "[profile p]\nendpoint_url = http://profile:1\nregion=eu-west-1\n[default]\nregion = cn-north-1\n", "")
	for _, c := range []struct {
		cfg  *config.Config
		want string
	}{
		{configured(), "https://s3.us-east-1.amazonaws.com"},
		{configured("AWS_DEFAULT_REGION", "eu-north-1"), "https://s3.eu-north-1.amazonaws.com"},
		{configured("AWS_DEFAULT_REGION", "eu-north-1", "AWS_REGION", "eu-south-1"), "https://s3.eu-south-1.amazonaws.com"},
		{configured("HOME", dir), "https://s3.cn-north-1.amazonaws.com.cn"},
		{configured("HOME", dir, "AWS_PROFILE", "p"), "http://profile:1"},
		{configured("HOME", dir, "AWS_PROFILE", "p", "AWS_ENDPOINT_URL", "http://env:1/"), "http://env:1"},
		{configured("AWS_ENDPOINT_URL", "http://env:1", "AWS_ENDPOINT_URL_S3", "http://s3:1"), "http://s3:1"},
	} {
		got, err := endpoints(c.cfg)
		if err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%v: %v, %v; want %s", c.cfg.Env, got, err, c.want)
		}
	}
	cfg := configured("AWS_ENDPOINT_URL", "http://env:1")
	cfg.Endpoints = []string{"http://a:1", "http://b:2/base/"}
	if got, err := endpoints(cfg); err != nil || !slices.Equal(got, []string{"http://a:1", "http://b:2/base"}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestBadEndpoints(t *testing.T) {
	for _, text := range []string{"localhost:9000", "ftp://host", "http://", "http://host?x=1", "http://user:pass-5678@host", "http://ho st"} {
		cfg := configured()
		cfg.Endpoints = []string{text}
		_, err := endpoints(cfg)
		if errs.CodeOf(err) != errs.Invalid || strings.Contains(err.Error(), "5678") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		endpoint, bucket, key string
		force                 *bool
		host, target          string
	}{
		{"http://127.0.0.1:9000", "bucket", "a/b", nil, "127.0.0.1:9000", "/bucket/a/b"},
		{"http://127.0.0.1:9000", "bucket", "a/b", &no, "127.0.0.1:9000", "/bucket/a/b"},
		{"http://localhost:9000", "bucket", "", nil, "localhost:9000", "/bucket"},
		{"https://store.example", "bucket", "k", nil, "store.example", "/bucket/k"},
		{"https://store.example", "bucket", "k", &no, "bucket.store.example", "/k"},
		{"https://store.example/base", "bucket", "k", nil, "store.example", "/base/bucket/k"},
		{"https://s3.eu-west-1.amazonaws.com", "bucket", "k", nil, "bucket.s3.eu-west-1.amazonaws.com", "/k"},
		{"https://s3.eu-west-1.amazonaws.com", "bucket", "", nil, "bucket.s3.eu-west-1.amazonaws.com", "/"},
		{"https://s3.eu-west-1.amazonaws.com", "", "", nil, "s3.eu-west-1.amazonaws.com", "/"},
		{"https://s3.eu-west-1.amazonaws.com", "bucket", "k", &yes, "s3.eu-west-1.amazonaws.com", "/bucket/k"},
		{"https://s3.eu-west-1.amazonaws.com", "with.dot", "k", nil, "s3.eu-west-1.amazonaws.com", "/with.dot/k"},
		{"https://s3.eu-west-1.amazonaws.com", "Upper_case", "k", nil, "s3.eu-west-1.amazonaws.com", "/Upper_case/k"},
		{"http://127.0.0.1:9000", "bucket", "a b+c%d#e?f//é", nil, "127.0.0.1:9000", "/bucket/a%20b%2Bc%25d%23e%3Ff//%C3%A9"},
	} {
		cfg := configured()
		cfg.ForcePathStyle = c.force
		store, err := open(t.Context(), cfg, c.endpoint)
		if err != nil {
			t.Fatal(err)
		}
		u := uri.URI{Scheme: "s3", Container: c.bucket, Key: c.key}
		host, target := store.(*client).address(&call{u: u, key: c.key != ""})
		if host != c.host || target != c.target {
			t.Errorf("%s %s: %s %s, want %s %s", c.endpoint, u, host, target, c.host, c.target)
		}
	}
}

func TestProxyVariables(t *testing.T) {
	if web.Proxy(configured()) != nil {
		t.Error("a proxy without variables")
	}
	choose := web.Proxy(configured("HTTP_PROXY", "http://p:1", "https_proxy", "http://q:2", "NO_PROXY", "direct.example"))
	for address, want := range map[string]string{
		"http://a.example:80": "p:1", "https://a.example": "q:2", "http://direct.example": "",
		"http://localhost:9000": "", "http://127.0.0.1:9000": "",
	} {
		u, err := web.ParseEndpoint(address)
		if err != nil {
			t.Fatal(err)
		}
		via, err := choose(u)
		if err != nil || via == nil && want != "" || via != nil && via.Host != want {
			t.Errorf("%s goes through %v, %v; want %q", address, via, err, want)
		}
	}
}

func TestCABundleProblems(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"/no/such/file.pem", empty} {
		cfg := configured("AWS_CA_BUNDLE", file)
		if _, err := open(t.Context(), cfg, "https://host"); errs.CodeOf(err) != errs.Invalid || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
