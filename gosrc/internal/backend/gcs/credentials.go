package gcs

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// token is what requests are authorised with.
type token struct{ config.Secret }

func (t token) bearer() string { return "Bearer " + t.Reveal() }

// account is where tokens come from.
type account struct {
	from    string // for people
	project string // that the credentials name, if any
	quota   string // the project that is billed for requests, if any
	// universe is the domain of the cloud that takes the credentials; "": Google's own.
	universe string
	token    web.Source[token]
	// findProject asks for the project where neither configuration nor file names it.
	findProject func(context.Context) (string, error)
}

// findAccount looks where Google's libraries look for application default
// credentials, but reads variables from the snapshot only. It reads files and
// asks nobody: a file that is wrong is told of at once.
func findAccount(cfg *config.Config) (*account, error) {
	var a *account
	var err error
	known := wellKnownFile(cfg)
	if named := cfg.Getenv("GOOGLE_APPLICATION_CREDENTIALS"); named != "" {
		a, err = fromFile(cfg, named, "GOOGLE_APPLICATION_CREDENTIALS")
	} else if _, missing := os.Stat(known); known != "" && missing == nil {
		a, err = fromFile(cfg, known, "the login of gcloud")
	} else {
		a = fromMetadata(cfg)
	}
	if err != nil {
		return nil, err
	}
	if quota := cfg.Getenv("GOOGLE_CLOUD_QUOTA_PROJECT"); quota != "" {
		a.quota = quota
	}
	return a, nil
}

// belongs refuses to send credentials of another cloud to Google's own.
func (a *account) belongs(endpoint string) error {
	if a.universe == "" || a.universe == "googleapis.com" || endpoint != serviceURL {
		return nil
	}
	return errs.New(errs.Invalid, "configure", "", "%s belongs to the cloud of %s, and the endpoint is %s", a.from, a.universe, endpoint).
		WithHint("Set the option endpoint_url to https://storage.%s", a.universe)
}

// wellKnownFile is where gcloud leaves credentials; "": there is no place for it.
func wellKnownFile(cfg *config.Config) string {
	dir := cfg.Getenv("CLOUDSDK_CONFIG")
	if home := cfg.Getenv("HOME"); dir == "" && home != "" {
		dir = filepath.Join(home, ".config", "gcloud")
	}
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "application_default_credentials.json")
}

// file is what is read of a file of credentials here; Google's library reads the rest.
type file struct {
	Type       string `json:"type"`
	Project    string `json:"project_id"`
	Quota      string `json:"quota_project_id"`
	Universe   string `json:"universe_domain"`
	Email      string `json:"client_email"`
	PrivateKey string `json:"private_key"`
	Refresh    string `json:"refresh_token"`
}

// kinds are the types of files that are understood, and how people call them.
var kinds = map[string]string{
	string(credentials.ServiceAccount):                "a service account",
	string(credentials.AuthorizedUser):                "a user",
	string(credentials.ExternalAccount):               "workload identity federation",
	string(credentials.ExternalAccountAuthorizedUser): "workforce identity federation",
	string(credentials.ImpersonatedServiceAccount):    "an impersonated service account",
}

const scope = "https://www.googleapis.com/auth/cloud-platform"

// fromFile makes an account of a file. Each renewal reads the file again: keys are replaced there.
func fromFile(cfg *config.Config, path, from string) (*account, error) {
	client, err := web.TokenClient(cfg, bundleVariable)
	if err != nil {
		return nil, err
	}
	client.Transport = exchange{client.Transport, path}
	f, _, err := readFile(cfg, path, client)
	if err != nil {
		return nil, err
	}
	a := &account{from: kinds[f.Type] + " in " + path + " (" + from + ")", project: f.Project, quota: f.Quota, universe: f.Universe}
	a.token = func(ctx context.Context) (token, time.Time, error) {
		_, provider, err := readFile(cfg, path, client)
		if err != nil {
			return token{}, time.Time{}, err
		}
		t, err := provider.Token(ctx)
		if err != nil {
			return token{}, time.Time{}, refusedToken(err, path)
		}
		return token{config.Secret(t.Value)}, t.Expiry, nil
	}
	return a, nil
}

// readFile reads a file of credentials. Errors name it, and nothing that it says.
func readFile(cfg *config.Config, path string, client *http.Client) (f file, p *auth.Credentials, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return f, nil, errs.Wrap(err, errs.Credentials, "", "", "cannot read the file of credentials").
			WithHint("Correct GOOGLE_APPLICATION_CREDENTIALS, or log in with: gcloud auth application-default login")
	}
	if wrong := json.Unmarshal(text, &f); wrong != nil {
		return f, nil, unusable(path, "it is not JSON as such files are")
	}
	switch {
	case kinds[f.Type] == "":
		return f, nil, unusable(path, `its "type" is none that is known`)
	case f.Type == string(credentials.ServiceAccount) && (f.Email == "" || !isKey(f.PrivateKey)):
		return f, nil, unusable(path, `its "client_email" is missing, or its "private_key" is no RSA key in PEM form`)
	case f.Type == string(credentials.AuthorizedUser) && f.Refresh == "":
		return f, nil, unusable(path, `its "refresh_token" is missing`)
	}
	if f.Type == string(credentials.ExternalAccount) {
		p, err = federatedWithAWS(cfg, text, client)
	}
	if p == nil && err == nil {
		p, err = fromJSON(f, text, client)
	}
	if err != nil { // its text may hold parts of the file
		return f, nil, unusable(path, "a field that "+kinds[f.Type]+" needs is missing or wrong")
	}
	return f, p, nil
}

func fromJSON(f file, text []byte, client *http.Client) (*auth.Credentials, error) {
	return credentials.NewCredentialsFromJSON(credentials.CredType(f.Type), text, &credentials.DetectOptions{
		Scopes: []string{scope}, Client: client, DisableAsyncRefresh: true,
	})
}

func isKey(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	_, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	_, err2 := x509.ParsePKCS1PrivateKey(block.Bytes)
	return err == nil || err2 == nil
}

func unusable(path, why string) error {
	return errs.New(errs.Credentials, "", "", "the file of credentials %s cannot be used: %s", path, why).
		WithHint("Download a new key, or log in again with: gcloud auth application-default login")
}
