package azure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
)

// certified writes a certificate for this machine and its key.
func certified(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return inPEM(t, "CERTIFICATE", der), inPEM(t, "PRIVATE KEY", secret)
}

func inPEM(t *testing.T, kind string, ders ...[]byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file.pem")
	var text []byte
	for i, der := range ders {
		if i > 0 {
			kind = "PRIVATE KEY"
		}
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// principal is a configuration for a service principal at e, which trusts the
// certificates of e and of the files.
func principal(t *testing.T, e *entra, files ...string) *config.Config {
	t.Helper()
	cfg := configured(name, "testaccount", "AZURE_TENANT_ID", "tenant", "AZURE_CLIENT_ID", "client", "AZURE_AUTHORITY_HOST", e.URL)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.Certificate().Raw})
	for _, file := range files {
		more, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, more...)
	}
	cfg.CABundle = filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(cfg.CABundle, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func search(t *testing.T, cfg *config.Config) (token, from string, err error) {
	t.Helper()
	c, err := newChain(cfg)
	if err != nil {
		t.Fatal(err)
	}
	v, from, err := c.search(t.Context())
	return v.Token, from, err
}

// Each source of the chain, from the snapshot.
func TestIdentities(t *testing.T) {
	e := newEntra(t)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate := inPEM(t, "CERTIFICATE", der, secret)
	federated := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(federated, []byte("of-kubernetes"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ variable, value, from, asked string }{
		{"AZURE_CLIENT_SECRET", "a-secret", "AZURE_CLIENT_SECRET", "a-secret"},
		{"AZURE_CLIENT_CERTIFICATE_PATH", certificate, "AZURE_CLIENT_CERTIFICATE_PATH", "ey"},
		{"AZURE_FEDERATED_TOKEN_FILE", federated, "AZURE_FEDERATED_TOKEN_FILE", "of-kubernetes"},
	} {
		cfg := principal(t, e)
		cfg.Env[c.variable] = c.value
		token, from, err := search(t, cfg)
		if err != nil || !strings.HasPrefix(token, "ey") || !strings.Contains(from, c.from) || !strings.HasPrefix(e.asked[len(e.asked)-1], c.asked) {
			t.Errorf("%s: %q from %q, %v", c.variable, token, from, err)
		}
		delete(cfg.Env, "AZURE_TENANT_ID")
		if _, _, err := search(t, cfg); err == nil || !strings.Contains(err.Error(), "AZURE_TENANT_ID") {
			t.Errorf("%s without a tenant: %v", c.variable, err)
		}
	}
}

// The managed identity of an App Service; azidentity reads where its service is
// from the environment of the process, and keeps tokens of an identity for all clients.
func TestManagedIdentity(t *testing.T) {
	e := newEntra(t)
	plain := httptest.NewServer(http.HandlerFunc(e.serve))
	defer plain.Close()
	t.Setenv("IDENTITY_ENDPOINT", plain.URL)
	t.Setenv("IDENTITY_HEADER", "of-the-machine")
	token, from, err := search(t, configured(name, "testaccount", "AZURE_CLIENT_ID", rand.Text()))
	if err != nil || !strings.HasPrefix(token, "ey") || !strings.Contains(from, "managed identity") || e.asked[0] != "of-the-machine" {
		t.Errorf("%q from %q, %v", token, from, err)
	}
}

// Nothing is configured: that is said soon, with what to set.
func TestNoIdentity(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	otherCloud := httptest.NewServer(http.NotFoundHandler())
	defer otherCloud.Close()
	for _, host := range []string{"http://" + testservers.FreeAddr(t), otherCloud.URL} {
		c, err := newChain(configured(name, "testaccount"))
		if err != nil {
			t.Fatal(err)
		}
		c.host = host
		if _, _, err = c.search(t.Context()); errs.CodeOf(err) != errs.Credentials || !strings.Contains(err.Error(), "AZURE_STORAGE_ACCOUNT_KEY") {
			t.Error(err)
		}
	}
}

// A refusal by the identity service is in its words, in one line, without the secret.
func TestIdentityRefused(t *testing.T) {
	e := newEntra(t)
	e.refuse = "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1"
	cfg := principal(t, e)
	cfg.Env["AZURE_CLIENT_SECRET"] = "secret123"
	store, err := open(t.Context(), cfg, "https://testaccount.blob.core.windows.net")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	_, err = store.Stat(t.Context(), object)
	_, err2 := store.Open(t.Context(), object, backend.Whole, "")
	for _, err := range []error{err, err2} {
		text := fmt.Sprint(err)
		if errs.CodeOf(err) != errs.Credentials || !strings.Contains(text, object.String()) || !strings.Contains(text, "AADSTS7000215") || strings.Contains(text, "secret123") || strings.Contains(text, "\n") || strings.Contains(text, "Trace") {
			t.Error(text)
		}
	}
}

// Tokens open a real server; one that it takes for expired is replaced, once.
func TestTokens(t *testing.T) {
	e := newEntra(t)
	certificate, key := certified(t)
	server := testservers.NewAzuriteTLS(t, certificate, key)
	cfg := principal(t, e, certificate)
	cfg.Env["AZURE_CLIENT_SECRET"] = "a-secret"
	store, err := open(t.Context(), cfg, server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	c := store.(*client)
	if err := store.CreateContainer(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	read := func() error {
		body, err := store.Open(t.Context(), object, backend.Whole, "")
		if err != nil {
			return err
		}
		defer body.Close()
		_, err = io.ReadAll(body)
		return err
	}
	put := func() error {
		_, err := store.Put(t.Context(), object, []byte("data"), nil)
		return err
	}
	for name, do := range map[string]func() error{"put": put, "get": read} {
		if err := put(); err != nil {
			t.Fatal(err)
		}
		before := e.calls()
		expire(t, c, e)
		if err := do(); err != nil {
			t.Errorf("%s with a token that has expired: %v", name, err)
		}
		if asked := e.calls() - before; asked != 2 { // for one that has expired, and for one that has not
			t.Errorf("%s: the identity service was asked %d times", name, asked)
		}
		e.lifetime = -time.Minute
		expire(t, c, e)
		e.lifetime = -time.Minute
		if err := do(); errs.CodeOf(err) != errs.Permission || !strings.Contains(err.Error(), "expired") {
			t.Errorf("%s where there are only such tokens: %v", name, err)
		}
		e.lifetime = time.Hour
	}
}

// expire has the client hold a token of the past without knowing.
func expire(t *testing.T, c *client, e *entra) {
	t.Helper()
	e.mu.Lock()
	e.lifetime = -time.Minute
	e.mu.Unlock()
	held, err := c.auth.tokens.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.auth.tokens.Replace(t.Context(), held)
	e.mu.Lock()
	e.lifetime = time.Hour
	e.mu.Unlock()
}
