package s3_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// A server with a certificate of its own is trusted by way of the CA bundle, be
// it an option or a variable of the snapshot, and not otherwise.
func TestTLSWithCABundle(t *testing.T) {
	certs := t.TempDir()
	bundle := certificate(t, certs)
	server := testservers.MinIO(t, testservers.Options{Certs: certs})
	u := uri.URI{Scheme: "s3", Container: "bucket", Key: "key"}
	mistrusting := connect(t, settings(server))
	defer mistrusting.Close()
	err := mistrusting.CreateContainer(t.Context(), u)
	var e *errs.Error
	if !errors.As(err, &e) || e.Code != errs.Connection || e.Retryable() || e.Hint == "" {
		t.Errorf("an unknown certificate: %v", err)
	}
	byOption, byVariable := settings(server), settings(server)
	byOption.CABundle = bundle
	byVariable.Env["AWS_CA_BUNDLE"] = bundle
	first, second := connect(t, byOption), connect(t, byVariable)
	defer first.Close()
	defer second.Close()
	if err := first.CreateContainer(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Put(t.Context(), u, make([]byte, 1<<20), nil); err != nil {
		t.Fatal(err)
	}
	if info, err := second.Stat(t.Context(), u); err != nil || info.Size != 1<<20 {
		t.Errorf("%+v, %v", info, err)
	}
	if err := operations(second, nil)["get"](t.Context(), u); err != nil {
		t.Error(err)
	}
}

// certificate writes a key pair for 127.0.0.1 as MinIO wants it.
func certificate(t *testing.T, dir string) (bundle string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"public.crt": {Type: "CERTIFICATE", Bytes: public}, "private.key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "public.crt")
}

// The proxy of the snapshot leads to a host that nobody could find otherwise.
func TestProxyOfTheSnapshot(t *testing.T) {
	server := testservers.SharedMinIO(t)
	u := object(t, server, []byte("data"))
	var passed atomic.Int64
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		passed.Add(1)
		r.Out.URL.Scheme, r.Out.URL.Host = "http", server.Addr
		r.Out.Host = r.In.Host
	}})
	defer proxy.Close()
	via, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	cfg := settings(server)
	cfg.Endpoints = []string{"http://store.invalid:9000"}
	cfg.Env["http_proxy"] = via.String()
	store := connect(t, cfg)
	defer store.Close()
	if err := operations(store, nil)["get"](t.Context(), u); err != nil || passed.Load() == 0 {
		t.Errorf("%v; %d requests came by", err, passed.Load())
	}
	cfg.Env["NO_PROXY"] = "store.invalid"
	direct := connect(t, cfg)
	defer direct.Close()
	if err := operations(direct, nil)["get"](t.Context(), u); errs.CodeOf(err) != errs.Connection {
		t.Errorf("past the proxy: %v", err)
	}
}

// A profile of the shared credentials file is all that a client needs.
func TestProfileAgainstServer(t *testing.T) {
	server := testservers.SharedMinIO(t)
	u := object(t, server, []byte("data"))
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[lab]\naws_access_key_id = " + server.AccessKey + "\naws_secret_access_key = " + server.SecretKey + "\nendpoint_url = " + server.Endpoint + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := settings(server)
	cfg.Endpoints, cfg.Profile = nil, "lab"
	cfg.Env = map[string]string{"AWS_SHARED_CREDENTIALS_FILE": file}
	store := connect(t, cfg)
	defer store.Close()
	if err := operations(store, nil)["get"](t.Context(), u); err != nil {
		t.Error(err)
	}
}

// Temporary credentials, with their session token, that MinIO hands out.
func TestAssumedRole(t *testing.T) {
	server := testservers.SharedMinIO(t)
	u := object(t, server, []byte("data"))
	dir := t.TempDir()
	file := filepath.Join(dir, "config")
	text := "[default]\nrole_arn = arn:xxx:xxx:xxx:xxxx\nsource_profile = base\n[profile base]\naws_access_key_id = " +
		server.AccessKey + "\naws_secret_access_key = " + server.SecretKey + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := settings(server)
	cfg.Env = map[string]string{"AWS_CONFIG_FILE": file, "AWS_ENDPOINT_URL_STS": server.Endpoint}
	store := connect(t, cfg)
	defer store.Close()
	if err := operations(store, nil)["get"](t.Context(), u); err != nil {
		t.Error(err)
	}
}
