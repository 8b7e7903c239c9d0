package s3

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// diagnosis finds out what is particular to S3.
type diagnosis struct{ *web.Diagnosis }

func diagnose(ctx context.Context, cfg *config.Config, u uri.URI) []backend.Finding {
	d := diagnosis{&web.Diagnosis{Cfg: cfg, URI: u, Bundle: []string{bundleVariable}}}
	list, err := d.settings()
	if err != nil {
		d.Failed("configuration", err)
		return d.Findings
	}
	credentials := d.credentials(ctx)
	for _, endpoint := range list {
		if d.Endpoint(ctx, endpoint) && credentials {
			d.access(ctx, endpoint)
		}
	}
	return d.Findings
}

// settings are what is configured; it returns the endpoints.
func (d diagnosis) settings() ([]string, error) {
	p, err := loadProfiles(d.Cfg)
	if err != nil {
		return nil, err
	}
	name, profile, err := p.chosen()
	if err != nil {
		return nil, err
	}
	if profile != nil {
		d.Add(backend.Found("profile", backend.Note, "%s", name))
	}
	region := region(d.Cfg, profile)
	d.Add(backend.Found("region", backend.Note, "%s (from %s)", region, d.regionSource(profile)))
	list, err := endpoints(d.Cfg)
	if err != nil {
		return nil, err
	}
	for _, endpoint := range list {
		d.Add(backend.Found("endpoint", backend.Note, "%s (from %s)", endpoint, d.endpointSource(profile)))
	}
	if err := d.Trust(); err != nil {
		return nil, err
	}
	return list, nil
}

func (d diagnosis) regionSource(profile section) string {
	switch {
	case d.Cfg.Region != "":
		return "the option region"
	case d.Cfg.Getenv("AWS_REGION") != "":
		return "AWS_REGION"
	case d.Cfg.Getenv("AWS_DEFAULT_REGION") != "":
		return "AWS_DEFAULT_REGION"
	case profile["region"] != "":
		return "the profile"
	}
	return "the default"
}

func (d diagnosis) endpointSource(profile section) string {
	switch {
	case len(d.Cfg.Endpoints) > 0:
		return "the options"
	case d.Cfg.Getenv("AWS_ENDPOINT_URL_S3") != "":
		return "AWS_ENDPOINT_URL_S3"
	case d.Cfg.Getenv("AWS_ENDPOINT_URL") != "":
		return "AWS_ENDPOINT_URL"
	case profile["endpoint_url"] != "":
		return "the profile"
	}
	return "the region"
}

// credentials says which are used, and whether there are any.
func (d diagnosis) credentials(ctx context.Context) bool {
	if d.Cfg.Anonymous {
		d.Add(backend.Found("credentials", backend.Note, "none: requests are not signed (option anonymous)"))
		return true
	}
	c, err := newChain(d.Cfg, "")
	if err == nil {
		var v keys
		var from string
		if v, from, err = c.search(ctx); err == nil {
			text := fmt.Sprintf("access key %s from %s", shortened(v.AccessKeyID), from)
			if !v.Expiration.IsZero() {
				text += ", until " + v.Expiration.UTC().Format(time.RFC3339)
			}
			d.Add(backend.Found("credentials", backend.Fine, "%s", text))
			return true
		}
	}
	d.Failed("credentials", err)
	return false
}

// shortened shows enough of a key id to know it again.
func shortened(id string) string {
	if len(id) < 12 {
		return id[:min(2, len(id))] + "..."
	}
	return id[:4] + "..." + id[len(id)-4:]
}

// access asks for what the user wants to get at, as the user.
func (d diagnosis) access(ctx context.Context, endpoint string) {
	store, err := open(ctx, d.Cfg, endpoint)
	if err != nil {
		d.Failed("access", err)
		return
	}
	defer store.Close()
	c := store.(*client)
	style := "path style"
	if !c.pathStyle && hostable(d.URI.Container, c.endpoint.Scheme) {
		style = "virtual-host style"
	}
	host, target := c.address(&call{u: d.URI.WithKey("key"), key: true})
	d.Add(backend.Found("addressing", backend.Note, "%s: %s://%s%s", style, c.endpoint.Scheme, host, target))
	d.Listed(ctx, "bucket "+d.URI.Container, func(ctx context.Context) error {
		return c.finish(ctx, &call{op: "list", u: d.URI.WithKey(""), method: http.MethodGet, query: "list-type=2&max-keys=1"})
	})
}
