package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// chain finds an identity where azidentity's default chain looks for one, but
// with the variables of the snapshot.
type chain struct {
	cfg   *config.Config
	web   *http.Client // for Microsoft Entra ID
	local *http.Client // for the metadata service of the machine: never through a proxy
	host  string       // of that
}

// source makes a credential, or errNone where it is not configured.
type source func(context.Context) (azcore.TokenCredential, error)

var errNone = errors.New("not configured")

// probeTimeout is short: on machines outside of Azure nobody answers.
const probeTimeout = time.Second

const scope = "https://storage.azure.com/.default"

func newChain(cfg *config.Config) (*chain, error) {
	client, err := web.TokenClient(cfg, bundleVariable)
	if err != nil {
		return nil, err
	}
	return &chain{cfg: cfg, web: client, local: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, host: metadataHost}, nil
}

// token is search for a keyring.
func (c *chain) token(ctx context.Context) (string, time.Time, error) {
	v, _, err := c.search(ctx)
	return v.Token, v.ExpiresOn, err
}

// search asks one source after the other. A source that is configured and fails
// ends the search: using another identity than the one meant would be worse.
func (c *chain) search(ctx context.Context) (v azcore.AccessToken, from string, err error) {
	for _, s := range []struct {
		name string
		make source
	}{
		{"the secret in AZURE_CLIENT_SECRET", c.secret},
		{"the certificate in AZURE_CLIENT_CERTIFICATE_PATH", c.certificate},
		{"the workload identity of AZURE_FEDERATED_TOKEN_FILE", c.workload},
		{"the managed identity of the machine", c.managed},
		{"the Azure CLI", c.commandLine},
	} {
		credential, err := s.make(ctx)
		if errors.Is(err, errNone) {
			continue
		}
		if err == nil {
			v, err = credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
		}
		switch {
		case err == nil:
			return v, s.name, nil
		case ctx.Err() != nil:
			return v, s.name, ctx.Err()
		}
		return v, s.name, errs.Wrap(plain(err), errs.Credentials, "", "", "no token is to be had with %s", s.name).
			WithHint("Correct what is wrong with it, or unset it: where it is configured, nothing else is tried")
	}
	return v, "", errs.New(errs.Credentials, "", "", "no credentials were found").WithHint(
		"Set AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_SAS_TOKEN, or AZURE_TENANT_ID, AZURE_CLIENT_ID " +
			"and AZURE_CLIENT_SECRET, or run `az login`, or set the option anonymous for a public container")
}

// options are those of azidentity's own requests. The authority is always set:
// where it is not, azidentity reads it from the process environment.
func (c *chain) options(client *http.Client) policy.ClientOptions {
	o := policy.ClientOptions{Transport: client}
	o.Cloud.ActiveDirectoryAuthorityHost = c.authorityHost()
	return o
}

func (c *chain) authorityHost() string {
	if host := c.cfg.Getenv("AZURE_AUTHORITY_HOST"); host != "" {
		if !strings.Contains(host, "://") {
			host = "https://" + host
		}
		return host
	}
	return cloud.AzurePublic.ActiveDirectoryAuthorityHost
}

// private says that the authority is none of Microsoft's, which can tell
// nothing about it.
func (c *chain) private() bool {
	u, err := url.Parse(c.authorityHost())
	if err != nil {
		return false
	}
	for _, known := range []cloud.Configuration{cloud.AzurePublic, cloud.AzureChina, cloud.AzureGovernment} {
		if k, err := url.Parse(known.ActiveDirectoryAuthorityHost); err == nil && k.Host == u.Host {
			return false
		}
	}
	return true
}

// plain is the first line of what the identity service says; azidentity's own
// text has the whole answer over many lines.
func plain(err error) error {
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) || failed.RawResponse == nil {
		return err
	}
	var said struct {
		Description string `json:"error_description"`
	}
	text, bad := runtime.Payload(failed.RawResponse)
	if bad == nil {
		bad = json.Unmarshal(text, &said)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(said.Description), "\n")
	if bad != nil || line == "" {
		line = http.StatusText(failed.RawResponse.StatusCode)
	}
	return fmt.Errorf("the identity service answers HTTP %d: %s", failed.RawResponse.StatusCode, strings.TrimSpace(line))
}
