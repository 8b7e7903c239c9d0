package gcs

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials/externalaccount"

	"github.com/s3dlio/s3dlio/gosrc/internal/config"
)

// federation is a file of workload identity federation.
type federation struct {
	Audience         string `json:"audience"`
	SubjectTokenType string `json:"subject_token_type"`
	TokenURL         string `json:"token_url"`
	TokenInfoURL     string `json:"token_info_url"`
	ClientID         string `json:"client_id"`
	ClientSecret     string `json:"client_secret"`
	Target           string `json:"service_account_impersonation_url"`
	Impersonation    struct {
		Seconds int `json:"token_lifetime_seconds"`
	} `json:"service_account_impersonation"`
	Source struct {
		Environment string `json:"environment_id"`
	} `json:"credential_source"`
}

// federatedWithAWS makes credentials of such a file where the snapshot has AWS's
// own: Google's library would look for them in the environment of the process.
// nil: the file is about something else, or the machine is to be asked.
func federatedWithAWS(cfg *config.Config, text []byte, client *http.Client) (*auth.Credentials, error) {
	var f federation
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	keys := awsKeys{cfg}
	if !strings.HasPrefix(f.Source.Environment, "aws") || !keys.complete() {
		return nil, nil
	}
	return externalaccount.NewCredentials(&externalaccount.Options{
		Audience: f.Audience, SubjectTokenType: f.SubjectTokenType, TokenURL: f.TokenURL, TokenInfoURL: f.TokenInfoURL,
		ClientID: f.ClientID, ClientSecret: f.ClientSecret,
		ServiceAccountImpersonationURL: f.Target, ServiceAccountImpersonationLifetimeSeconds: f.Impersonation.Seconds,
		Scopes: []string{scope}, Client: client, AwsSecurityCredentialsProvider: keys,
	})
}

// awsKeys are the credentials of AWS in the snapshot.
type awsKeys struct{ cfg *config.Config }

func (k awsKeys) region() string { return k.cfg.Getenv("AWS_REGION", "AWS_DEFAULT_REGION") }

func (k awsKeys) complete() bool {
	return k.region() != "" && k.cfg.Getenv("AWS_ACCESS_KEY_ID") != "" && k.cfg.Getenv("AWS_SECRET_ACCESS_KEY") != ""
}

// AwsRegion is the region whose service vouches for the keys.
func (k awsKeys) AwsRegion(context.Context, *externalaccount.RequestOptions) (string, error) {
	return k.region(), nil
}

// AwsSecurityCredentials are the keys.
func (k awsKeys) AwsSecurityCredentials(context.Context, *externalaccount.RequestOptions) (*externalaccount.AwsSecurityCredentials, error) {
	return &externalaccount.AwsSecurityCredentials{
		AccessKeyID: k.cfg.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: k.cfg.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: k.cfg.Getenv("AWS_SESSION_TOKEN"),
	}, nil
}
