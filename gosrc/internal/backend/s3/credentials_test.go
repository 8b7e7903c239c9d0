package s3

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

var bucketURI = uri.URI{Scheme: "s3", Container: "bucket", Key: "key"}

func find(t *testing.T, cfg *config.Config) (keys, error) {
	t.Helper()
	c, err := newChain(cfg, "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := c.find(t.Context())
	return v, err
}

// finds checks the access key, and that the others belong to it.
func finds(t *testing.T, cfg *config.Config, id, token string) {
	t.Helper()
	v, err := find(t, cfg)
	if err != nil {
		t.Error(err)
	} else if v.AccessKeyID != id || v.SecretAccessKey != id+"-secret" || v.SessionToken != token {
		t.Errorf("found %+v, want those of %q", v, id)
	}
}

// The environment of the process is not that of the client.
func TestOnlyTheSnapshotCounts(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		t.Setenv(name, "process")
	}
	t.Setenv("HOME", home(t, "", "[default]\naws_access_key_id=process\naws_secret_access_key=process\n"))
	finds(t, configured("AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "a-secret", "AWS_SESSION_TOKEN", "tok"), "a", "tok")
	v, err := find(t, configured())
	if errs.CodeOf(err) != errs.Credentials || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("no credentials: %+v, %v", v, err)
	}
}

func TestHalfAPair(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if _, err := find(t, configured(name, "x")); errs.CodeOf(err) != errs.Credentials || !strings.Contains(err.Error(), "is not") {
			t.Errorf("only %s: %v", name, err)
		}
	}
}

const credentialsFile = `
[default]
aws_access_key_id = d
aws_secret_access_key = d-secret

# a comment
[work]
aws_access_key_id=w
aws_secret_access_key=w-secret
aws_session_token=tok

[half]
aws_access_key_id = h

[program]
credential_process = printf '{"Version":1,"AccessKeyId":"p","SecretAccessKey":"p-%s","SessionToken":"tok"}' secret

[broken-program]
credential_process = echo "not json 5678"; exit 0

[failing-program]
credential_process = exit 3
`

const configFile = `
[profile loop]
role_arn = arn:r
source_profile = loop2
[profile loop2]
role_arn = arn:r
source_profile = loop
[profile nothing]
region = eu-west-1
s3 =
    aws_access_key_id = nested
[other section]
aws_access_key_id = x
`

func TestProfiles(t *testing.T) {
	dir := home(t, configFile, credentialsFile)
	finds(t, configured("HOME", dir), "d", "")
	finds(t, configured("HOME", dir, "AWS_PROFILE", "work"), "w", "tok")
	finds(t, configured("HOME", dir, "AWS_PROFILE", "program"), "p", "tok")
	finds(t, configured("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, ".aws/credentials"), "AWS_PROFILE", "work"), "w", "tok")
	finds(t, configured("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", "HOME", dir), "d", "")

	both := []string{"HOME", dir, "AWS_ACCESS_KEY_ID", "e", "AWS_SECRET_ACCESS_KEY", "e-secret"}
	finds(t, configured(append(both, "AWS_PROFILE", "work")...), "e", "")
	asked := configured(both...)
	asked.Profile = "work"
	finds(t, asked, "w", "tok")

	for profile, want := range map[string]string{
		"absent": "is not in the shared configuration", "half": "half of a pair", "loop": "leads back to itself", "nothing": "no credentials",
		"other section": "is not in", "broken-program": "credential_process", "failing-program": "credential_process",
	} {
		cfg := configured("HOME", dir, "AWS_PROFILE", profile)
		store, err := open(t.Context(), cfg, "http://127.0.0.1:1")
		if err == nil {
			_, err = store.(*client).keys.Get(t.Context())
			err = store.(*client).broken(&web.KeyError{Err: err}, "get", bucketURI)
		}
		if errs.CodeOf(err) != errs.Credentials || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "5678") {
			t.Errorf("%s: %v", profile, err)
		}
	}
}

// service answers GET and PUT requests like a metadata service or STS, with the
// texts given by path, and keeps the last request.
func service(t *testing.T, texts map[string]string) (address string, last *http.Request) {
	t.Helper()
	last = new(http.Request)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		*last = *r
		text, ok := texts[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, text)
	}))
	t.Cleanup(server.Close)
	return server.URL, last
}

const documentText = `{"Code":"Success","AccessKeyId":"m","SecretAccessKey":"m-secret","Token":"tok","Expiration":"2126-01-01T00:00:00Z"}`

func TestContainerCredentials(t *testing.T) {
	address, last := service(t, map[string]string{"/role": documentText})
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	finds(t, configured("AWS_CONTAINER_CREDENTIALS_FULL_URI", address+"/role", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret"), "m", "tok")
	if got := last.Header.Get("Authorization"); got != "secret" {
		t.Errorf("the token sent is %q", got)
	}
	finds(t, configured("AWS_CONTAINER_CREDENTIALS_FULL_URI", address+"/role", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file), "m", "tok")
	if got := last.Header.Get("Authorization"); got != "from-file" {
		t.Errorf("the token sent is %q", got)
	}
	for _, uri := range []string{"http://elsewhere.example/role", address + "/absent"} {
		if v, err := find(t, configured("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)); err == nil {
			t.Errorf("%s gives %+v", uri, v)
		}
	}
}

func TestInstanceCredentials(t *testing.T) {
	address, last := service(t, map[string]string{"/latest/api/token": "session", instancePath: "role-name\n", instancePath + "role-name": documentText})
	cfg := configured("AWS_EC2_METADATA_SERVICE_ENDPOINT", address, "AWS_EC2_METADATA_DISABLED", "false")
	finds(t, cfg, "m", "tok")
	if got := last.Header.Get("X-aws-ec2-metadata-token"); got != "session" {
		t.Errorf("the token sent is %q", got)
	}
	cfg.Env["AWS_EC2_METADATA_DISABLED"] = "true"
	if v, err := find(t, cfg); errs.CodeOf(err) != errs.Credentials {
		t.Errorf("disabled, yet %+v, %v", v, err)
	}
	nobody, _ := service(t, nil)
	if v, err := find(t, configured("AWS_EC2_METADATA_SERVICE_ENDPOINT", nobody, "AWS_EC2_METADATA_DISABLED", "false")); errs.CodeOf(err) != errs.Credentials {
		t.Errorf("no instance, yet %+v, %v", v, err)
	}
}

func stsAnswer(action string) string {
	return fmt.Sprintf(`<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>r</AccessKeyId>`+
		`<SecretAccessKey>r-secret</SecretAccessKey><SessionToken>tok</SessionToken><Expiration>2126-01-01T00:00:00Z</Expiration></Credentials>`+
		`</%[1]sResult></%[1]sResponse>`, action)
}

func TestWebIdentity(t *testing.T) {
	address, last := service(t, map[string]string{"/": stsAnswer("AssumeRoleWithWebIdentity")})
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("a.web.token"), 0o600); err != nil {
		t.Fatal(err)
	}
	finds(t, configured("AWS_ENDPOINT_URL_STS", address, "AWS_WEB_IDENTITY_TOKEN_FILE", file, "AWS_ROLE_ARN", "arn:role"), "r", "tok")
	if last.Form.Get("WebIdentityToken") != "a.web.token" || last.Form.Get("RoleArn") != "arn:role" {
		t.Errorf("STS was asked for %v", last.Form)
	}
	dir := home(t, "[default]\nrole_arn=arn:other\nweb_identity_token_file="+file+"\n", "")
	finds(t, configured("AWS_ENDPOINT_URL_STS", address, "HOME", dir), "r", "tok")
	if last.Form.Get("RoleArn") != "arn:other" {
		t.Errorf("STS was asked for %v", last.Form)
	}
}

func TestAssumeRole(t *testing.T) {
	address, last := service(t, map[string]string{"/": stsAnswer("AssumeRole")})
	for _, role := range []string{
		"source_profile=work", "credential_source=Environment", "source_profile=default\naws_access_key_id=w\naws_secret_access_key=w-secret",
	} {
		dir := home(t, "[default]\nexternal_id=ext\nrole_arn=arn:role\n"+role+"\n[profile work]\naws_access_key_id=w\naws_secret_access_key=w-secret\n", "")
		cfg := configured("AWS_ENDPOINT_URL_STS", address, "HOME", dir)
		if strings.Contains(role, "Environment") { // else these would be found first
			cfg.Env["AWS_ACCESS_KEY_ID"], cfg.Env["AWS_SECRET_ACCESS_KEY"] = "w", "w-secret"
			c, err := newChain(cfg, "us-east-1")
			if err != nil {
				t.Fatal(err)
			}
			v, err := c.profile(context.Background())
			if err != nil || v.AccessKeyID != "r" {
				t.Errorf("%s: %+v, %v", role, v, err)
			}
		} else {
			finds(t, cfg, "r", "tok")
		}
		if !strings.Contains(last.Header.Get("Authorization"), "Credential=w/") || last.Form.Get("ExternalId") != "ext" {
			t.Errorf("%s: STS was asked with %v for %v", role, last.Header, last.Form)
		}
	}
}
