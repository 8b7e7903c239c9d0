package s3

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
func found(t *testing.T, cfg *config.Config) string {
	t.Helper()
	var b strings.Builder
	for _, f := range diagnose(t.Context(), cfg, uri.URI{Scheme: "s3", Container: "bucket", Key: "k"}) {
		fmt.Fprintf(&b, "%s %s: %s -> %s\n", f.Check, f.Level, f.Text, f.Fix)
		if (f.Level == backend.Fail || f.Level == backend.Warn) && f.Fix == "" {
			t.Errorf("%+v has no fix", f)
		}
	}
	return b.String()
}

// A diagnosis says where each setting comes from, and nothing secret.
func TestDiagnoseNamesSources(t *testing.T) {
	free := "http://" + testservers.FreeAddr(t)
	dir := home(t, "[profile p]\nregion = eu-west-1\nendpoint_url = "+free+"\n", "[p]\naws_access_key_id = AKIAPROFILE12345\naws_secret_access_key = secret-p\n")
	option := configured("AWS_ACCESS_KEY_ID", "AKIAVARIABLE1234", "AWS_SECRET_ACCESS_KEY", "secret-v", "AWS_ENDPOINT_URL", "http://unused")
	option.Endpoints, option.Region = []string{free}, "eu-north-1"
	anonymous := configured("AWS_ENDPOINT_URL_S3", free)
	anonymous.Anonymous = true
	for _, c := range []struct {
		cfg  *config.Config
		want []string
	}{
		{configured("HOME", dir, "AWS_PROFILE", "p"), []string{
			"profile note: p ->", "region note: eu-west-1 (from the profile)", "endpoint note: " + free + " (from the profile)",
			"credentials ok: access key AKIA...2345 from the shared configuration files",
		}},
		{option, []string{
			"region note: eu-north-1 (from the option region)", "endpoint note: " + free + " (from the options)",
			"credentials ok: access key AKIA...1234 from the variables",
		}},
		{anonymous, []string{"credentials note: none", "(from AWS_ENDPOINT_URL_S3)", "region note: us-east-1 (from the default)"}},
		{configured("AWS_ENDPOINT_URL", free, "AWS_DEFAULT_REGION", "x"), []string{
			"credentials fail: no credentials were found -> Set AWS_ACCESS_KEY_ID", "(from AWS_ENDPOINT_URL)", "region note: x (from AWS_DEFAULT_REGION)",
		}},
		{configured("AWS_PROFILE", "none"), []string{`configuration fail: the profile "none"`}},
		{configured("AWS_CA_BUNDLE", "/none.pem"), []string{"configuration fail: cannot read the CA bundle: open /none.pem"}},
		{configured("AWS_ENDPOINT_URL", "http://u:p@h"), []string{"configuration fail: an endpoint URL holds a user name or a password"}},
		{configured("AWS_ENDPOINT_URL", "http://u:secret#@h"), []string{"configuration fail: an endpoint URL holds a user name or a password"}},
		{configured("AWS_ENDPOINT_URL", "http://far.invalid", "HTTP_PROXY", "http://u:secret@"+free[7:]), []string{"proxy note: " + free + " ->", "http fail: "}},
	} {
		got := found(t, c.cfg)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
		if strings.Contains(got, "secret") && !strings.Contains(got, "SECRET") || strings.Contains(got, "u:") {
			t.Errorf("a secret in\n%s", got)
		}
	}
}

func TestShortened(t *testing.T) {
	for id, want := range map[string]string{"": "...", "a": "a...", "minioadmin": "mi...", "AKIAIOSFODNN7EXAMPLE": "AKIA...MPLE"} {
		if got := shortened(id); got != want {
			t.Errorf("%s: %s", id, got)
		}
	}
}
