package azure

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
)

// A diagnosis says where each setting comes from, what works, and nothing secret.
func TestDiagnose(t *testing.T) {
	server := testservers.SharedAzurite(t)
	keyed := configured(name, server.Account, key, server.Key, "AZURE_STORAGE_ENDPOINT", "http://"+server.Addr)
	store, err := open(t.Context(), keyed, server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	u := object
	u.Container = "diagnosed-" + strings.ToLower(rand.Text())
	if err := store.CreateContainer(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	anonymous := configured(name, server.Account)
	anonymous.Anonymous, anonymous.Endpoints = true, []string{server.Endpoint}
	token := "sv=2022-11-02&sp=rl&sig=c2VjcmV0MTIz&se="
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	e := newEntra(t)
	identified := principal(t, e)
	identified.Env["AZURE_CLIENT_SECRET"] = "secret123"
	identified.Endpoints = []string{"https://" + testservers.FreeAddr(t)}
	refused := principal(t, e)
	refused.Env["AZURE_CLIENT_SECRET"], refused.Env["AZURE_TENANT_ID"] = "secret123", ""
	refused.Endpoints = identified.Endpoints
	for _, c := range []struct {
		cfg  *config.Config
		want []string
	}{
		{keyed, []string{"account note: testaccount (from " + name, "endpoint note: " + server.Endpoint + " (from AZURE_STORAGE_ENDPOINT)",
			"credentials ok: the account's key in " + key, "connect ok", "http ok", "access ok: container " + u.Container + " can be listed"}},
		{anonymous, []string{"endpoint note: " + server.Endpoint + " (from the options)", "credentials note: none", "access fail: access denied (AuthorizationFailure"}},
		{configured(name, server.Account, sasToken, token+later, "AZURE_STORAGE_ENDPOINT", server.Endpoint),
			[]string{`credentials ok: a shared access signature in ` + sasToken + `, with the rights "rl", until ` + later, "access fail: "}},
		{configured(name, server.Account, sasToken, token+"2020-01-01", "AZURE_STORAGE_ENDPOINT", server.Endpoint),
			[]string{"credentials fail: the shared access signature has expired -> The shared access signature in " + sasToken + " ended at 2020-01-01"}},
		{identified, []string{"credentials ok: a token for the secret in AZURE_CLIENT_SECRET, until ", "connect fail"}},
		{refused, []string{"credentials fail: ", "AZURE_TENANT_ID and AZURE_CLIENT_ID must be set"}},
		{configured(name, "account1", bundleVariable, "/none.pem"), []string{"configuration fail: cannot read the CA bundle"}},
		{configured(conn, "secret123"), []string{"configuration fail: " + conn + " is malformed"}},
	} {
		var b strings.Builder
		for _, f := range diagnose(t.Context(), c.cfg, u) {
			fmt.Fprintf(&b, "%s %s: %s -> %s\n", f.Check, f.Level, f.Text, f.Fix)
			if (f.Level == backend.Fail || f.Level == backend.Warn) && f.Fix == "" {
				t.Errorf("%+v has no fix", f)
			}
		}
		got := b.String()
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
		if strings.Contains(got, "secret123") || strings.Contains(got, "c2VjcmV0MTIz") || strings.Contains(got, server.Key) {
			t.Errorf("a secret in\n%s", got)
		}
	}
}
