package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"

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

// secret and certificate are of a service principal that the variables name.
func (c *chain) secret(context.Context) (azcore.TokenCredential, error) {
	secret := c.cfg.Getenv("AZURE_CLIENT_SECRET")
	if secret == "" {
		return nil, errNone
	}
	tenant, client, err := c.principal()
	if err != nil {
		return nil, err
	}
	return azidentity.NewClientSecretCredential(tenant, client, secret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions: c.options(c.web), DisableInstanceDiscovery: c.private(),
	})
}

func (c *chain) certificate(context.Context) (azcore.TokenCredential, error) {
	file := c.cfg.Getenv("AZURE_CLIENT_CERTIFICATE_PATH")
	if file == "" {
		return nil, errNone
	}
	tenant, client, err := c.principal()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	certificates, key, err := azidentity.ParseCertificates(text, []byte(c.cfg.Getenv("AZURE_CLIENT_CERTIFICATE_PASSWORD")))
	if err != nil {
		return nil, fmt.Errorf("%s holds no certificate with its key in PEM or PKCS#12: %w", file, err)
	}
	return azidentity.NewClientCertificateCredential(tenant, client, certificates, key, &azidentity.ClientCertificateCredentialOptions{
		ClientOptions: c.options(c.web), DisableInstanceDiscovery: c.private(),
	})
}

// workload is the identity that Kubernetes gives to a pod.
func (c *chain) workload(context.Context) (azcore.TokenCredential, error) {
	file := c.cfg.Getenv("AZURE_FEDERATED_TOKEN_FILE")
	if file == "" {
		return nil, errNone
	}
	tenant, client, err := c.principal()
	if err != nil {
		return nil, err
	}
	return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: c.options(c.web), DisableInstanceDiscovery: c.private(),
		TenantID: tenant, ClientID: client, TokenFilePath: file,
	})
}

func (c *chain) principal() (tenant, client string, err error) {
	tenant, client = c.cfg.Getenv("AZURE_TENANT_ID"), c.cfg.Getenv("AZURE_CLIENT_ID")
	if tenant == "" || client == "" {
		err = errors.New("AZURE_TENANT_ID and AZURE_CLIENT_ID must be set with it")
	}
	return tenant, client, err
}

// managed is the identity of the machine. A metadata service that does not
// answer means that there is none.
func (c *chain) managed(ctx context.Context) (azcore.TokenCredential, error) {
	where, err := managedidentity.GetSource()
	if err != nil {
		return nil, err
	}
	if where == managedidentity.DefaultToIMDS && !c.metadata(ctx) {
		return nil, errNone
	}
	options := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: c.options(c.local)}
	if id := c.cfg.Getenv("AZURE_CLIENT_ID"); id != "" {
		options.ID = azidentity.ClientID(id)
	}
	return azidentity.NewManagedIdentityCredential(options)
}

const metadataHost = "http://169.254.169.254"

// metadata says whether Azure's metadata service answers. It refuses a request
// without its header as a bad one; what else may answer there, such as another
// cloud's, or a firewall, does otherwise.
func (c *chain) metadata(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.host+"/metadata/identity/oauth2/token", nil)
	if err != nil {
		return false
	}
	resp, err := c.local.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusBadRequest
}

// commandLine is who has run `az login`.
func (c *chain) commandLine(context.Context) (azcore.TokenCredential, error) {
	if _, err := exec.LookPath("az"); err != nil {
		return nil, errNone
	}
	return azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: c.cfg.Getenv("AZURE_TENANT_ID")})
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
