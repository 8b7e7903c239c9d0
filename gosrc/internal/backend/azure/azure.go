package azure

import (
	"context"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// client is the blob service of one account at one endpoint.
type client struct {
	endpoint *url.URL
	agent    string
	auth     *authority
	wire     *wire.Transport
	service  *service.Client
}

func init() {
	backend.Register(backend.Driver{
		Scheme: "az", Attributes: true, StorageClasses: true, MaxParts: maxParts, Endpoints: endpoints, New: open, Diagnose: diagnose,
	})
}

func open(_ context.Context, cfg *config.Config, endpoint string) (backend.Backend, error) {
	u, err := web.ParseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	s, err := load(cfg)
	if err != nil {
		return nil, err
	}
	c := &client{endpoint: u, agent: web.UserAgent(cfg)}
	if c.auth, err = newAuthority(cfg, s, u); err != nil {
		return nil, err
	}
	if c.wire, err = web.Transport(cfg, u, bundleVariable); err != nil {
		return nil, err
	}
	if c.service, err = c.newService(); err != nil {
		return nil, err
	}
	return c, nil
}

// newService makes azblob's client, with nothing of azcore that would repeat,
// log or delay a request.
func (c *client) newService() (*service.Client, error) {
	options := &service.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport:        (*transporter)(c.wire),
		Retry:            policy.RetryOptions{MaxRetries: -1},
		Telemetry:        policy.TelemetryOptions{Disabled: true},
		PerRetryPolicies: []policy.Policy{&finisher{c}},
	}}
	options.ExpectContinueBehavior.Mode = blob.ExpectContinueModeOff
	if c.auth.shared != nil {
		return service.NewClientWithSharedKeyCredential(c.endpoint.String(), c.auth.shared, options)
	}
	return service.NewClientWithNoCredential(c.endpoint.String(), options)
}

func (c *client) container(u uri.URI) *container.Client {
	return c.service.NewContainerClient(u.Container)
}

func (c *client) blob(u uri.URI) *blockblob.Client {
	return c.container(u).NewBlockBlobClient(u.Key)
}

// Close closes the connections.
func (c *client) Close() error {
	c.wire.Close()
	return nil
}
