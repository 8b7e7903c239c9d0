package gcs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// found are the findings of a diagnosis, as "check level: text -> fix".
func found(t *testing.T, cfg *config.Config, bucket string) string {
	t.Helper()
	var b strings.Builder
	for _, f := range diagnose(t.Context(), cfg, uri.URI{Scheme: "gs", Container: bucket, Key: "k"}) {
		fmt.Fprintf(&b, "%s %s: %s -> %s\n", f.Check, f.Level, f.Text, f.Fix)
		if (f.Level == backend.Fail || f.Level == backend.Warn) && f.Fix == "" {
			t.Errorf("%+v has no fix", f)
		}
	}
	return b.String()
}

// A diagnosis says where each setting comes from, what works, and nothing secret.
func TestDiagnose(t *testing.T) {
	server := testservers.SharedFakeGCS(t)
	emulated := configured(emulatorVariable, server.Addr, "GOOGLE_CLOUD_PROJECT", "project-1")
	store, err := open(t.Context(), emulated, server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.CreateContainer(t.Context(), uri.URI{Scheme: "gs", Container: "diagnosed"}); err != nil {
		t.Fatal(err)
	}
	free := "http://" + testservers.FreeAddr(t)
	i := newIdentity(t)
	file := serviceAccount(t, t.TempDir(), map[string]string{"token_uri": i.URL})
	broken := written(t, t.TempDir(), "broken.json", "secret5678")
	option := configured("GOOGLE_APPLICATION_CREDENTIALS", file)
	option.Endpoints = []string{free}
	anonymous := configured()
	anonymous.Anonymous, anonymous.Endpoints = true, []string{server.Endpoint}
	for _, c := range []struct {
		cfg    *config.Config
		bucket string
		want   []string
	}{
		{emulated, "diagnosed", []string{
			"endpoint note: " + server.Endpoint + " (from STORAGE_EMULATOR_HOST)", "project note: project-1", "credentials note: none: they are not sent",
			"connect ok", "http ok", "access ok: bucket diagnosed can be listed",
		}},
		{anonymous, "not-there", []string{"credentials note: none: requests go without", `access fail: bucket "not-there" not found`}},
		{option, "diagnosed", []string{
			"endpoint note: " + free + " (from the options)", "credentials ok: a token of a service account in " + file, "connect fail",
		}},
		{configured("GOOGLE_APPLICATION_CREDENTIALS", broken, emulatorVariable, ""), "No", []string{"configuration fail: \"No\" is no name of a bucket"}},
		{configured("SSL_CERT_FILE", "/none.pem"), "diagnosed", []string{"configuration fail: cannot read the CA bundle: open /none.pem"}},
		{configured(emulatorVariable, "ftp://x"), "diagnosed", []string{"configuration fail: STORAGE_EMULATOR_HOST: the endpoint"}},
	} {
		got := found(t, c.cfg, c.bucket)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
		if strings.Contains(got, "token-") || strings.Contains(got, "5678") {
			t.Errorf("a secret in\n%s", got)
		}
	}
	wrong := configured("GOOGLE_APPLICATION_CREDENTIALS", broken)
	wrong.Endpoints = []string{free}
	if got := found(t, wrong, "diagnosed"); !strings.Contains(got, "credentials fail: the file of credentials "+broken) || strings.Contains(got, "5678") {
		t.Error(got)
	}
}
