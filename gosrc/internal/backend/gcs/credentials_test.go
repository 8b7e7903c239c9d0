package gcs

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// identity is a service that gives tokens, "token-1" and so on, and what it was asked.
type identity struct {
	*httptest.Server
	asked  []*http.Request
	status int // of its answers, where it refuses
	body   string
}

func newIdentity(t *testing.T) *identity {
	i := &identity{}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		i.asked = append(i.asked, r)
		w.Header().Set("Metadata-Flavor", "Google")
		if i.status != 0 {
			w.WriteHeader(i.status)
			fmt.Fprint(w, i.body)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/project-id") {
			fmt.Fprintln(w, "project-of-machine")
			return
		}
		name := fmt.Sprintf("token-%d", len(i.asked))
		if strings.HasSuffix(r.URL.Path, ":generateAccessToken") {
			fmt.Fprintf(w, `{"accessToken": %q, "expireTime": %q}`, name, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
			return
		}
		fmt.Fprintf(w, `{"access_token": %q, "expires_in": 3600, "token_type": "Bearer", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}`, name)
	}))
	t.Cleanup(i.Close)
	return i
}

func ask(t *testing.T, cfg *config.Config) (string, error) {
	t.Helper()
	a, err := findAccount(cfg)
	if err != nil {
		t.Fatal(err)
	}
	v, expires, err := a.token(t.Context())
	if left := time.Until(expires); err == nil && (left < 50*time.Minute || left > 61*time.Minute) {
		t.Errorf("it expires in %s", left)
	}
	return v.Reveal(), err
}

// What proves who a service account is: an assertion that is signed with its key.
func TestServiceAccount(t *testing.T) {
	i := newIdentity(t)
	file := serviceAccount(t, t.TempDir(), map[string]string{"token_uri": i.URL + "/token"})
	if v, err := ask(t, configured("GOOGLE_APPLICATION_CREDENTIALS", file)); err != nil || v != "token-1" {
		t.Fatalf("%q, %v", v, err)
	}
	form := i.asked[0].PostForm
	parts := strings.Split(form.Get("assertion"), ".")
	if len(parts) != 3 || form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Fatalf("%v", form)
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(&serverKey().PublicKey, crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
	var head struct{ Alg, Typ, Kid string }
	var claims struct {
		Iss, Scope, Aud string
		Exp, Iat        int64
	}
	for i, into := range []any{&head, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if head.Alg != "RS256" || head.Kid != "key-id-1" || claims.Iss != "robot@project.iam.gserviceaccount.com" || claims.Scope != scope ||
		claims.Aud != i.URL+"/token" || claims.Exp-claims.Iat > 3700 {
		t.Errorf("%+v, %+v", head, claims)
	}
}

func TestFederationAndImpersonation(t *testing.T) {
	i := newIdentity(t)
	dir := t.TempDir()
	written(t, dir, "subject", "subject-token")
	federated := map[string]any{
		"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": i.URL + "/sts",
		"credential_source": map[string]string{"file": filepath.Join(dir, "subject")},
	}
	file := written(t, dir, "federated.json", federated)
	if v, err := ask(t, configured("GOOGLE_APPLICATION_CREDENTIALS", file)); err != nil || v != "token-1" {
		t.Errorf("%q, %v", v, err)
	}
	if got := i.asked[0].PostForm.Get("subject_token"); got != "subject-token" {
		t.Errorf("the subject token is %q", got)
	}
	file = written(t, dir, "impersonated.json", map[string]any{
		"type": "impersonated_service_account", "source_credentials": federated,
		"service_account_impersonation_url": i.URL + "/v1/projects/-/serviceAccounts/robot@p.iam.gserviceaccount.com:generateAccessToken",
	})
	if v, err := ask(t, configured("GOOGLE_APPLICATION_CREDENTIALS", file)); err != nil || v != "token-3" {
		t.Errorf("%q, %v", v, err)
	}
	if got := i.asked[2].Header.Get("Authorization"); got != "Bearer token-2" {
		t.Errorf("impersonated with %q", got)
	}
}

// Federation with AWS signs with the keys of the snapshot, which are not those of the process.
func TestFederationWithAWS(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAPROCESS")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "process")
	t.Setenv("AWS_REGION", "process-1")
	i := newIdentity(t)
	file := written(t, t.TempDir(), "aws.json", map[string]any{
		"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws",
		"subject_token_type": "urn:ietf:params:aws:token-type:aws4_request", "token_url": i.URL + "/sts",
		"credential_source": map[string]string{
			"environment_id": "aws1", "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
		},
	})
	cfg := configured("GOOGLE_APPLICATION_CREDENTIALS", file,
		"AWS_ACCESS_KEY_ID", "AKIASNAPSHOT", "AWS_SECRET_ACCESS_KEY", "snapshot5678", "AWS_DEFAULT_REGION", "snapshot-1", "AWS_SESSION_TOKEN", "session")
	if v, err := ask(t, cfg); err != nil || v != "token-1" {
		t.Fatalf("%q, %v", v, err)
	}
	subject, err := url.QueryUnescape(i.asked[0].PostForm.Get("subject_token"))
	if err != nil || !strings.Contains(subject, "Credential=AKIASNAPSHOT/") || !strings.Contains(subject, "/snapshot-1/sts/") ||
		strings.Contains(strings.ToLower(subject), "process") || strings.Contains(subject, "5678") {
		t.Errorf("%s, %v", subject, err)
	}
}

func TestMetadataServer(t *testing.T) {
	i := newIdentity(t)
	cfg := configured("GCE_METADATA_HOST", i.URL[7:])
	if v, err := ask(t, cfg); err != nil || v != "token-1" || i.asked[0].Header.Get("Metadata-Flavor") != "Google" {
		t.Errorf("%q, %v", v, err)
	}
	a, err := findAccount(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := a.findProject(t.Context()); err != nil || id != "project-of-machine" {
		t.Errorf("%q, %v", id, err)
	}
	other := httptest.NewServer(http.NotFoundHandler()) // another cloud's
	defer other.Close()
	for _, host := range []string{"127.0.0.1:1", other.URL[7:]} {
		_, err := ask(t, configured("GCE_METADATA_HOST", host))
		if errs.CodeOf(err) != errs.Credentials || !strings.Contains(err.Error(), "GOOGLE_APPLICATION_CREDENTIALS") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// What the service says of credentials that it does not take, and what passes.
func TestTokenRefused(t *testing.T) {
	i := newIdentity(t)
	file := serviceAccount(t, t.TempDir(), map[string]string{"token_uri": i.URL})
	for _, c := range []struct {
		status int
		body   string
		code   errs.Code
		want   string
	}{
		{400, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`, errs.Credentials, "Invalid JWT Signature."},
		{401, `<html>secret5678</html>`, errs.Credentials, "Unauthorized"},
		{429, `{}`, errs.Throttled, "Too Many"},
		{503, `{}`, errs.Server, "Service Unavailable"},
	} {
		i.status, i.body = c.status, c.body
		_, err := ask(t, configured("GOOGLE_APPLICATION_CREDENTIALS", file))
		e := errs.From(err, "", "")
		if e.Code != c.code || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), "5678") {
			t.Errorf("HTTP %d: %v", c.status, err)
		}
	}
	i.Close()
	if _, err := ask(t, configured("GOOGLE_APPLICATION_CREDENTIALS", file)); errs.CodeOf(err) != errs.Connection {
		t.Errorf("nobody is there: %v", err)
	}
}

// Services of all kinds of credentials that are down for a while are told from those that refuse.
func TestFederationRefused(t *testing.T) {
	i := newIdentity(t)
	dir := t.TempDir()
	written(t, dir, "subject", "subject-token")
	federated := map[string]any{
		"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": i.URL + "/sts",
		"credential_source": map[string]string{"file": filepath.Join(dir, "subject")},
	}
	impersonated := map[string]any{
		"type": "impersonated_service_account",
		"source_credentials": map[string]string{
			"type": "service_account", "client_email": "robot@project.iam.gserviceaccount.com", "token_uri": i.URL,
			"private_key": string(pemOf(t, serverKey())),
		},
		"service_account_impersonation_url": i.URL + "/v1/projects/-/serviceAccounts/robot@p.iam.gserviceaccount.com:generateAccessToken",
	}
	for name, content := range map[string]any{"federated.json": federated, "impersonated.json": impersonated} {
		cfg := configured("GOOGLE_APPLICATION_CREDENTIALS", written(t, dir, name, content))
		for _, c := range []struct {
			status int
			body   string
			code   errs.Code
			want   string
		}{
			{503, `{}`, errs.Server, "Service Unavailable"},
			{429, `{}`, errs.Throttled, "Too Many"},
			{403, `{"error":{"code":403,"message":"Permission denied on robot","status":"PERMISSION_DENIED"}}`, errs.Credentials, "Permission denied on robot"},
			{400, `{"error":"invalid_grant","error_description":"no such audience"}`, errs.Credentials, "invalid_grant: no such audience"},
		} {
			i.status, i.body = c.status, c.body
			_, err := ask(t, cfg)
			if e := errs.From(err, "", ""); e.Code != c.code || !strings.Contains(err.Error(), c.want) || e.Endpoint != i.URL {
				t.Errorf("%s: HTTP %d: %+v", name, c.status, err)
			}
		}
	}
}

// A metadata server that is not ready yet will be.
func TestMetadataServerIsNotReady(t *testing.T) {
	i := newIdentity(t)
	for status, code := range map[int]errs.Code{503: errs.Server, 429: errs.Throttled, 404: errs.Credentials} {
		i.status = status
		if _, err := ask(t, configured("GCE_METADATA_HOST", i.URL[7:])); errs.CodeOf(err) != code {
			t.Errorf("HTTP %d: %v", status, err)
		}
	}
}

// Credentials of another cloud are not sent to Google's own.
func TestOtherUniverse(t *testing.T) {
	cfg := configured("GOOGLE_APPLICATION_CREDENTIALS", serviceAccount(t, t.TempDir(), map[string]string{"universe_domain": "cloud.example"}))
	if _, err := open(t.Context(), cfg, serviceURL); errs.CodeOf(err) != errs.Invalid || !strings.Contains(err.Error(), "https://storage.cloud.example") {
		t.Errorf("to Google: %v", err)
	}
	store, err := open(t.Context(), cfg, "https://storage.cloud.example")
	if err != nil {
		t.Fatal(err)
	}
	store.Close()
}

// A token that the service no longer takes is replaced, once; quota projects are named.
func TestRefusedTokenIsReplaced(t *testing.T) {
	i := newIdentity(t)
	good := "Bearer token-2"
	var seen []string
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization")+" "+r.Header.Get("x-goog-user-project"))
		if r.Header.Get("Authorization") != good {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":{"code":401,"message":"Invalid Credentials %s","errors":[{"reason":"authError"}]}}`, r.Header.Get("Authorization"))
			return
		}
		w.Header().Set("X-Goog-Generation", "7")
		fmt.Fprint(w, "data")
	}))
	defer store.Close()
	file := serviceAccount(t, t.TempDir(), map[string]string{"token_uri": i.URL})
	cfg := configured("GOOGLE_APPLICATION_CREDENTIALS", file, "GOOGLE_CLOUD_QUOTA_PROJECT", "payer")
	c, err := open(t.Context(), cfg, store.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body, err := c.Open(t.Context(), objectURI, backend.Whole, "")
	if err != nil {
		t.Fatal(err)
	}
	body.Close()
	if got := strings.Join(seen, ", "); got != "Bearer token-1 payer, Bearer token-2 payer" {
		t.Errorf("sent %s", got)
	}
	good = "Bearer none"
	_, err = c.Open(t.Context(), objectURI, backend.Whole, "")
	if errs.CodeOf(err) != errs.Permission || len(i.asked) != 3 || strings.Contains(err.Error(), "token-") {
		t.Errorf("after %d tokens: %v", len(i.asked), err)
	}
}
