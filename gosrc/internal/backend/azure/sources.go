package azure

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"
)

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
