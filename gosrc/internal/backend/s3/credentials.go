package s3

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// keys are credentials; Expiration is zero for those that do not expire.
type keys = credentials.Value

// source gets credentials, or errNone where it is not configured.
type source func(context.Context) (keys, error)

var errNone = errors.New("not configured")

// chain finds credentials where the AWS SDKs look for them. It reads variables
// from the snapshot only: what minio-go's providers would read from the
// process environment is handed to them explicitly.
type chain struct {
	cfg    *config.Config
	region string
	web    *http.Client // for STS and SSO
	local  *http.Client // for the metadata services of the machine: never through a proxy
}

func newChain(cfg *config.Config, region string) (*chain, error) {
	client, err := web.TokenClient(cfg, bundleVariable)
	if err != nil {
		return nil, err
	}
	return &chain{
		cfg: cfg, region: region,
		web:   client,
		local: &http.Client{Timeout: metadataTimeout, Transport: &http.Transport{DisableKeepAlives: true}},
	}, nil
}

// find is search for a keyring.
func (c *chain) find(ctx context.Context) (keys, time.Time, error) {
	v, _, err := c.search(ctx)
	return v, v.Expiration, err
}

// search asks one source after the other. A source that is configured and fails
// ends the search: using other credentials than those meant would be worse.
func (c *chain) search(ctx context.Context) (v keys, from string, err error) {
	for _, s := range []struct {
		name string
		ask  source
	}{
		{"the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", c.environment},
		{"the role in AWS_ROLE_ARN (web identity)", c.environmentRole},
		{"the shared configuration files", c.profile},
		{"the credentials service of the container", c.container},
		{"the metadata service of the instance", c.instance},
	} {
		v, err := s.ask(ctx)
		if errors.Is(err, errNone) {
			continue
		}
		if err == nil && (v.AccessKeyID == "" || v.SecretAccessKey == "") {
			err = errors.New("the source of credentials gives incomplete ones")
		}
		return v, s.name, err
	}
	return keys{}, "", errs.New(errs.Credentials, "", "", "no credentials were found").WithHint(
		"Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile of ~/.aws/credentials in AWS_PROFILE or " +
			"the option profile, or set the option anonymous for a public bucket")
}

// environment is the keys in the variables, unless a profile was asked for by option.
func (c *chain) environment(context.Context) (keys, error) {
	id, secret := c.cfg.Getenv("AWS_ACCESS_KEY_ID"), c.cfg.Getenv("AWS_SECRET_ACCESS_KEY")
	switch {
	case c.cfg.Profile != "" || id == "" && secret == "":
		return keys{}, errNone
	case id == "":
		return keys{}, errs.New(errs.Credentials, "", "", "AWS_SECRET_ACCESS_KEY is set but AWS_ACCESS_KEY_ID is not")
	case secret == "":
		return keys{}, errs.New(errs.Credentials, "", "", "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not")
	}
	return keys{AccessKeyID: id, SecretAccessKey: secret, SessionToken: c.cfg.Getenv("AWS_SESSION_TOKEN")}, nil
}

// environmentRole is the role that Kubernetes names in the variables.
func (c *chain) environmentRole(ctx context.Context) (keys, error) {
	file, role := c.cfg.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE"), c.cfg.Getenv("AWS_ROLE_ARN")
	if c.cfg.Profile != "" || file == "" || role == "" {
		return keys{}, errNone
	}
	return c.webIdentity(ctx, file, role)
}

func (c *chain) webIdentity(ctx context.Context, file, role string) (keys, error) {
	return c.minio(ctx, &credentials.STSWebIdentity{
		STSEndpoint: c.sts(),
		RoleARN:     role,
		GetWebIDTokenExpiry: func() (*credentials.WebIdentityToken, error) {
			token, err := os.ReadFile(file)
			return &credentials.WebIdentityToken{Token: string(token)}, err
		},
	})
}

// assume takes a role with other credentials.
func (c *chain) assume(ctx context.Context, s section, with keys) (keys, error) {
	return c.minio(ctx, &credentials.STSAssumeRole{
		STSEndpoint: c.sts(),
		Options: credentials.STSAssumeRoleOptions{
			AccessKey: with.AccessKeyID, SecretKey: with.SecretAccessKey, SessionToken: with.SessionToken,
			Location: c.region, RoleARN: s["role_arn"], RoleSessionName: or(s["role_session_name"], "s3dlio"),
			ExternalID: s["external_id"],
		},
	})
}

func (c *chain) sts() string {
	return or(c.cfg.Getenv("AWS_ENDPOINT_URL_STS"), "https://sts."+c.region+"."+domain(c.region))
}

// minio asks a provider of minio-go.
func (c *chain) minio(ctx context.Context, p credentials.Provider) (keys, error) {
	v, err := p.RetrieveWithCredContext(&credentials.CredContext{Client: c.web, Context: ctx})
	var address *url.Error
	if errors.As(err, &address) {
		address.URL = "" // SSO and STS put names of accounts and roles there
	}
	return v, err
}
