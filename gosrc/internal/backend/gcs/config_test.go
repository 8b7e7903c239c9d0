package gcs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

var objectURI = uri.URI{Scheme: "gs", Container: "bucket", Key: "key"}

// configured is a configuration with variables, given as name, value, ...
func configured(variables ...string) *config.Config {
	cfg := config.Default()
	cfg.Env = map[string]string{"GCE_METADATA_HOST": "127.0.0.1:1"} // nobody answers
	for i := 0; i < len(variables); i += 2 {
		cfg.Env[variables[i]] = variables[i+1]
	}
	return &cfg
}

var serverKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// serviceAccount is a file of a key, as the console gives it, with other values where they are wanted.
func serviceAccount(t *testing.T, dir string, other map[string]string) string {
	t.Helper()
	fields := map[string]string{
		"type": "service_account", "project_id": "project-of-file", "private_key_id": "key-id-1", "client_email": "robot@project.iam.gserviceaccount.com",
		"private_key": string(pemOf(t, serverKey())), "token_uri": "http://127.0.0.1:1/token",
	}
	for name, value := range other {
		fields[name] = value
	}
	return written(t, dir, "key.json", fields)
}

func pemOf(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func written(t *testing.T, dir, name string, content any) string {
	t.Helper()
	text, ok := content.(string)
	if !ok {
		b, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEndpointPrecedence(t *testing.T) {
	t.Setenv(emulatorVariable, "process:1") // of no account
	option := configured(emulatorVariable, "env:1")
	option.Endpoints = []string{"http://option:1/", "https://other"}
	for _, c := range []struct {
		cfg  *config.Config
		want string
	}{
		{configured(), "https://storage.googleapis.com"},
		{configured(emulatorVariable, "env:4443"), "http://env:4443"},
		{configured(emulatorVariable, "https://env:4443/"), "https://env:4443"},
		{configured(emulatorVariable, "http://env:4443/storage/v1/"), "http://env:4443"},
		{configured(emulatorVariable, "[::1]:4443"), "http://[::1]:4443"},
		{option, "http://option:1 https://other"},
	} {
		got, err := endpoints(c.cfg)
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%v: %v, %v; want %s", c.cfg.Env, got, err, c.want)
		}
	}
	for _, wrong := range []string{"ftp://host", "http://", "http://user:secret5678@host", "host:1?sig=secret5678", "host:0", "host:99999"} {
		_, err := endpoints(configured(emulatorVariable, wrong))
		if errs.CodeOf(err) != errs.Invalid || !strings.Contains(err.Error(), emulatorVariable) || strings.Contains(err.Error(), "5678") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// An emulator gets no credentials, even where there are some; another endpoint does.
func TestEmulatorGetsNoCredentials(t *testing.T) {
	file := serviceAccount(t, t.TempDir(), nil)
	cfg := configured(emulatorVariable, "localhost:1", "GOOGLE_APPLICATION_CREDENTIALS", file)
	anonymous := configured("GOOGLE_APPLICATION_CREDENTIALS", file)
	anonymous.Anonymous = true
	for _, c := range []struct {
		cfg      *config.Config
		endpoint string
		want     bool
	}{{cfg, "http://localhost:1", false}, {cfg, "https://private:1", true}, {anonymous, serviceURL, false}} {
		store, err := open(t.Context(), c.cfg, c.endpoint)
		if err != nil {
			t.Fatal(err)
		}
		if got := store.(*client).tokens != nil; got != c.want {
			t.Errorf("%s: with credentials %v", c.endpoint, got)
		}
		store.Close()
	}
}

func TestAccountPrecedence(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir) // of no account
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/process.json")
	user := map[string]string{"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "quota_project_id": "payer"}
	written(t, dir, "home/.config/gcloud/application_default_credentials.json", user)
	written(t, dir, "sdk/application_default_credentials.json", user)
	key := serviceAccount(t, dir, nil)
	home, sdk := filepath.Join(dir, "home"), filepath.Join(dir, "sdk")
	for _, c := range []struct {
		cfg                  *config.Config
		from, project, quota string
	}{
		{configured(), "the account of this machine (metadata server 127.0.0.1:1)", "", ""},
		{configured("HOME", dir), "the account of this machine", "", ""},
		{configured("HOME", home), "a user in " + home + "/.config", "", "payer"},
		{configured("HOME", home, "CLOUDSDK_CONFIG", sdk), "a user in " + sdk, "", "payer"},
		{configured("HOME", home, "CLOUDSDK_CONFIG", dir), "the account of this machine", "", ""},
		{configured("HOME", home, "GOOGLE_APPLICATION_CREDENTIALS", key), "a service account in " + key, "project-of-file", ""},
		{configured("HOME", home, "GOOGLE_CLOUD_QUOTA_PROJECT", "mine"), "a user in", "", "mine"},
	} {
		a, err := findAccount(c.cfg)
		if err != nil {
			t.Errorf("%v: %v", c.cfg.Env, err)
		} else if !strings.HasPrefix(a.from, c.from) || a.project != c.project || a.quota != c.quota {
			t.Errorf("%v: %+v", c.cfg.Env, a)
		}
	}
}

// A file that is wrong is told of when the client is made; what it holds is not.
func TestMalformedFiles(t *testing.T) {
	dir := t.TempDir()
	const secret = "secret5678"
	for name, c := range map[string]struct {
		content any
		want    string
	}{
		"no json":       {"-----BEGIN " + secret, "not JSON"},
		"a list":        {`["` + secret + `"]`, "not JSON"},
		"no type":       {map[string]string{"private_key": secret}, `"type"`},
		"unknown type":  {map[string]string{"type": secret}, `"type"`},
		"of an app":     {map[string]any{"installed": map[string]string{"client_secret": secret}}, `"type"`},
		"no key":        {map[string]string{"type": "service_account", "client_email": secret + "@x"}, "private_key"},
		"bad key":       {map[string]string{"type": "service_account", "client_email": "x@y", "private_key": secret}, "private_key"},
		"bad pem":       {map[string]string{"type": "service_account", "client_email": "x@y", "private_key": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0NTY3OA==\n-----END PRIVATE KEY-----\n"}, "private_key"},
		"no refresh":    {map[string]string{"type": "authorized_user", "client_secret": secret}, "refresh_token"},
		"no source":     {map[string]string{"type": "external_account", "audience": secret}, "workload identity"},
		"no target":     {map[string]string{"type": "impersonated_service_account", "x": secret}, "impersonated"},
		"another field": {map[string]any{"type": "service_account", "private_key": map[string]string{secret: secret}}, "not JSON"},
	} {
		path := written(t, dir, "file.json", c.content)
		_, err := open(t.Context(), configured("GOOGLE_APPLICATION_CREDENTIALS", path), serviceURL)
		if errs.CodeOf(err) != errs.Credentials || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.want) ||
			strings.Contains(err.Error(), "5678") || errs.From(err, "", "").Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := open(t.Context(), configured("GOOGLE_APPLICATION_CREDENTIALS", dir+"/none"), serviceURL)
	if errs.CodeOf(err) != errs.Credentials || !strings.Contains(err.Error(), dir+"/none") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	for bucket, ok := range map[string]bool{
		"abc": true, "a_b-c.d1": true, long: true, "a." + long + "." + long + "." + long: true, "1-2": true,
		"ab": false, "": false, "Abc": false, "a b": false, "-ab": false, "ab-": false, "a..b": false, long + "a": false, "1.2.3.4": false,
		"bücket": false, "a." + long + "a": false, strings.Repeat(long+".", 4) + "a": false,
	} {
		err := checkBucket("get", uri.URI{Scheme: "gs", Container: bucket, Key: "k"})
		if (err == nil) != ok || !ok && (errs.CodeOf(err) != errs.Invalid || errs.From(err, "", "").Hint == "") {
			t.Errorf("%q: %v", bucket, err)
		}
	}
	for key, ok := range map[string]bool{
		"k": true, strings.Repeat("é", 512): true, "a\tb": true, "...": true,
		"": false, strings.Repeat("é", 512) + "k": false, "a\nb": false, "a\rb": false, ".": false, "..": false, "\xff": false,
		".well-known/acme-challenge/x": false,
	} {
		err := checkKey("get", uri.URI{Scheme: "gs", Container: "bucket", Key: key})
		if (err == nil) != ok || !ok && (errs.CodeOf(err) != errs.Invalid || errs.From(err, "", "").Hint == "") {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// Wrong names and settings are refused before anything is sent: nobody listens here.
func TestRefusedAtOnce(t *testing.T) {
	cfg := configured()
	cfg.Anonymous = true
	store, err := open(t.Context(), cfg, "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, u := range []uri.URI{{Scheme: "gs", Container: "No_Such", Key: "k"}, {Scheme: "gs", Container: "bucket", Key: "a\nb"}} {
		_, stat := store.Stat(t.Context(), u)
		_, get := store.Open(t.Context(), u, backend.Whole, "")
		_, put := store.Put(t.Context(), u, nil, nil)
		_, create := store.Create(t.Context(), u, nil)
		for _, err := range []error{stat, get, put, create, store.Delete(t.Context(), u), store.List(t.Context(), u, true, nil)} {
			if errs.CodeOf(err) != errs.Invalid || !strings.Contains(err.Error(), u.String()) {
				t.Errorf("%q: %v", u, err)
			}
		}
	}
}
