package azure

import (
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

var object = uri.URI{Scheme: "az", Container: "container", Key: "key"}

// configured is a configuration with these variables: name, value, name, value.
func configured(variables ...string) *config.Config {
	cfg := config.Default()
	cfg.Env = map[string]string{}
	for i := 0; i < len(variables); i += 2 {
		cfg.Env[variables[i]] = variables[i+1]
	}
	return &cfg
}

const (
	name     = "AZURE_STORAGE_ACCOUNT_NAME"
	key      = "AZURE_STORAGE_ACCOUNT_KEY"
	sasToken = "AZURE_STORAGE_SAS_TOKEN"
	conn     = connectionVariable
	aSAS     = "?sv=2022-11-02&sp=r&se=2020-01-01T00:00:00Z&sig=c2VjcmV0MTIz%3D"
)

var aKey = base64.StdEncoding.EncodeToString([]byte("secret key of a test"))

// What the variables say, by the endpoint and by who sends the requests.
func TestSettings(t *testing.T) {
	for _, c := range []struct {
		variables []string
		endpoints []string // option
		want      string   // endpoints, then who
	}{
		{[]string{name, "account1", key, aKey}, nil, "https://account1.blob.core.windows.net key account1"},
		{[]string{"AZURE_STORAGE_ACCOUNT", "account1", "AZURE_STORAGE_KEY", aKey}, nil, "https://account1.blob.core.windows.net key account1"},
		{[]string{name, "account1", "AZURE_STORAGE_ACCOUNT", "account2", key, aKey}, nil, "https://account1.blob.core.windows.net key account1"},
		{[]string{name, "account1", sasToken, aSAS}, nil, "https://account1.blob.core.windows.net sas"},
		{[]string{name, "account1", sasToken, aSAS[1:]}, nil, "https://account1.blob.core.windows.net sas"},
		{[]string{name, "account1", sasToken, aSAS, key, aKey}, nil, "https://account1.blob.core.windows.net key account1"},
		{[]string{name, "account1"}, nil, "https://account1.blob.core.windows.net token"},
		{[]string{name, "account1", key, aKey}, []string{"http://127.0.0.1:10000"}, "http://127.0.0.1:10000/account1 key account1"},
		{[]string{name, "account1", key, aKey}, []string{"http://azurite:10000/"}, "http://azurite:10000/account1 key account1"},
		{[]string{name, "account1", key, aKey}, []string{"http://azurite:10000/account1", "http://[::1]:10000"}, "http://azurite:10000/account1 http://[::1]:10000/account1 key account1"},
		{[]string{name, "account1", key, aKey}, []string{"https://account1.privatelink.example"}, "https://account1.privatelink.example key account1"},
		{[]string{key, aKey}, []string{"http://127.0.0.1:10000/account3"}, "http://127.0.0.1:10000/account3 key account3"},
		{[]string{key, aKey}, []string{"https://account4.blob.core.windows.net"}, "https://account4.blob.core.windows.net key account4"},
		{[]string{name, "account1", key, aKey, "AZURE_STORAGE_ENDPOINT", "http://localhost:1"}, nil, "http://localhost:1/account1 key account1"},
		{[]string{name, "account1", key, aKey, "AZURE_STORAGE_ENDPOINT", "http://localhost:1", "AZURE_STORAGE_BLOB_ENDPOINT", "http://localhost:2"}, nil, "http://localhost:2/account1 key account1"},
		{[]string{conn, "UseDevelopmentStorage=true"}, nil, "http://127.0.0.1:10000/devstoreaccount1 key devstoreaccount1"},
		{[]string{conn, "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://azurite"}, nil, "http://azurite:10000/devstoreaccount1 key devstoreaccount1"},
		{[]string{conn, "DefaultEndpointsProtocol=https;AccountName=account5;AccountKey=" + aKey + ";EndpointSuffix=core.chinacloudapi.cn"}, nil, "https://account5.blob.core.chinacloudapi.cn key account5"},
		{[]string{conn, "AccountName=account5;AccountKey=" + aKey + ";", name, "account1", sasToken, aSAS}, nil, "https://account5.blob.core.windows.net key account5"},
		{[]string{conn, "DefaultEndpointsProtocol=http;AccountName=account5;AccountKey=" + aKey + ";BlobEndpoint=http://127.0.0.1:10000/account5;"}, nil, "http://127.0.0.1:10000/account5 key account5"},
		{[]string{conn, "BlobEndpoint=https://account6.blob.core.windows.net/;SharedAccessSignature=" + aSAS[1:]}, nil, "https://account6.blob.core.windows.net sas"},
		{[]string{conn, "AccountName=account5;SharedAccessSignature=" + aSAS[1:]}, []string{"http://localhost:1"}, "http://localhost:1/account5 sas"},
		{[]string{conn, "AccountName=account5", key, aKey}, nil, "https://account5.blob.core.windows.net key account5"},
	} {
		cfg := configured(c.variables...)
		cfg.Endpoints = c.endpoints
		list, err := endpoints(cfg)
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		store, err := open(t.Context(), cfg, list[0])
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		got := strings.Join(list, " ")
		switch a := store.(*client).auth; {
		case a.shared != nil:
			got += " key " + a.shared.AccountName()
		case a.sas != "":
			got += " sas"
		case a.tokens != nil:
			got += " token"
		}
		if got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
		store.Close()
	}
}

// Bad input is refused before any request, by the name of the variable and without a secret.
func TestBadSettings(t *testing.T) {
	for _, c := range []struct {
		code      errs.Code
		says      string
		variables []string
	}{
		{errs.Invalid, "no storage account", nil},
		{errs.Invalid, name, []string{name, "Account"}},
		{errs.Invalid, name, []string{name, "ab"}},
		{errs.Invalid, name, []string{name, "account.blob.core.windows.net"}},
		{errs.Credentials, key, []string{name, "account1", key, "secret123"}},
		{errs.Credentials, "AZURE_STORAGE_KEY", []string{name, "account1", "AZURE_STORAGE_KEY", "secret123!"}},
		{errs.Credentials, sasToken, []string{name, "account1", sasToken, "secret123"}},
		{errs.Credentials, sasToken, []string{name, "account1", sasToken, "?sig=secret123"}},
		{errs.Invalid, conn, []string{conn, "secret123"}},
		{errs.Invalid, conn, []string{conn, "AccountKey=secret123"}},
		{errs.Invalid, conn, []string{conn, "SharedAccessSignature=sv=1&sig=secret123"}},
		{errs.Invalid, conn, []string{conn, "AccountName=account1;AccountKey=" + aKey + ";SharedAccessSignature=sv=1&sig=secret123"}},
		{errs.Invalid, conn, []string{conn, "DefaultEndpointsProtocol=ftp;AccountName=account1;AccountKey=secret123"}},
		{errs.Credentials, conn, []string{conn, "AccountName=account1;AccountKey=secret123"}},
		{errs.Invalid, conn, []string{conn, "AccountName=Account1;AccountKey=" + aKey}},
		{errs.Credentials, name, []string{key, aKey, "AZURE_STORAGE_ENDPOINT", "http://localhost:1"}},
		{errs.Credentials, key, []string{"AZURE_STORAGE_ENDPOINT", "http://localhost:1/account1"}},
		{errs.Invalid, "query", []string{name, "account1", "AZURE_STORAGE_ENDPOINT", "https://host/?sv=1&sig=secret123"}},
		{errs.Invalid, "base URL", []string{name, "account1", "AZURE_STORAGE_ENDPOINT", "localhost"}},
	} {
		cfg := configured(c.variables...)
		list, err := endpoints(cfg)
		if err == nil {
			_, err = open(t.Context(), cfg, list[0])
		}
		if errs.CodeOf(err) != c.code || err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret123") || strings.Contains(err.Error(), aKey) {
			t.Errorf("%q: %v; want code %v and %q", c.variables, err, c.code, c.says)
		}
	}
}

func TestNames(t *testing.T) {
	for container, ok := range map[string]bool{
		"abc": true, "a-b-1": true, "$root": true, "$web": true, "0ab": true, strings.Repeat("a", 63): true,
		"ab": false, "Abc": false, "a--b": false, "-abc": false, "abc-": false, "a_b": false, "a.b": false, "$other": false, strings.Repeat("a", 64): false,
	} {
		if err := checkContainer("get", uri.URI{Scheme: "az", Container: container}); (err == nil) != ok || err != nil && errs.CodeOf(err) != errs.Invalid {
			t.Errorf("container %q: %v", container, err)
		}
	}
	for key, ok := range map[string]bool{
		"a": true, "a/b": true, "/a": true, "a/": true, "a.": true, "...": true, "ä": true, strings.Repeat("ä", 1024): true,
		"": false, ".": false, "..": false, "a/../b": false, "a/.": false, "a\nb": false, "\xff": false, strings.Repeat("a", 1025): false,
	} {
		if err := checkObject("get", object.WithKey(key)); (err == nil) != ok || err != nil && errs.CodeOf(err) != errs.Invalid {
			t.Errorf("key %q: %v", key, err)
		}
	}
}

// Every outcome is of use to the caller: a message, and a code that is one.
func TestOutcomes(t *testing.T) {
	for code, o := range outcomes {
		if o.Msg == "" || o.Code <= errs.OK || o.Code >= errs.Count {
			t.Errorf("%s: %+v", code, o)
		}
		if o.Code == errs.NotFound && !strings.Contains(o.Msg, "not found") {
			t.Errorf("%s: the text lacks \"not found\"", code)
		}
	}
	for _, c := range []struct {
		code   string
		status int
		want   errs.Code
	}{
		{"ServerBusy", 503, errs.Throttled}, {"", 503, errs.Throttled}, {"", 429, errs.Throttled}, {"", 500, errs.Server}, {"", 502, errs.Server},
		{"OperationTimedOut", 500, errs.Server}, {"Odd", 404, errs.NotFound}, {"Odd", 400, errs.Invalid}, {"", 301, errs.Invalid}, {"", 412, errs.Changed},
		{"AuthenticationFailed", 403, errs.Permission}, {"", 403, errs.Permission}, {"", 401, errs.Permission}, {"BlobArchived", 409, errs.Permission},
		{"InvalidRange", 416, errs.OutOfRange}, {"InternalError", 500, errs.Server},
	} {
		if got := outcomeOf(c.code, c.status); got.Code != c.want {
			t.Errorf("%q, HTTP %d: %v, want %v", c.code, c.status, got.Code, c.want)
		}
	}
}

// What a server says is passed on without the signature, and a SAS that is over is named.
func TestRefusal(t *testing.T) {
	store, err := open(t.Context(), configured(name, "account1", sasToken, aSAS), "https://account1.blob.core.windows.net")
	if err != nil {
		t.Fatal(err)
	}
	c := store.(*client)
	header := map[string]string{"x-ms-error-code": "AuthenticationFailed", "x-ms-request-id": "id", "Retry-After": "7"}
	body := `<Error><Code>AuthenticationFailed</Code><Message>Server failed: c2VjcmV0MTIz%3D c2VjcmV0MTIz=
RequestId:id</Message><AuthenticationErrorDetail>Signature not valid in the specified time frame: c2VjcmV0MTIz=</AuthenticationErrorDetail></Error>`
	e := c.refusal("get", object, answer{status: 403, header: func(n string) string { return header[n] }, body: []byte(body)})
	if e.Code != errs.Permission || e.RequestID != "id" || e.Retry.AfterSeconds != 7 || e.Status != 403 {
		t.Errorf("%+v", e)
	}
	if text := e.Error(); strings.Contains(text, "c2VjcmV0MTIz") || !strings.Contains(text, "expired") || !strings.Contains(text, "2020-01-01") || strings.Contains(text, "RequestId") {
		t.Error(text)
	}
	if a := (&authority{sas: "se=2999-01-01&sig=x"}); a.ended(time.Now()) != "" {
		t.Error("a SAS that holds is taken for over")
	}
	unknown := c.broken(&net.DNSError{Err: "no such host", IsNotFound: true}, "get", object)
	if !strings.Contains(unknown.Error(), "no storage account of this name") || !errors.Is(unknown, unknown.Cause) {
		t.Error(unknown)
	}
}
