package gcs

import (
	"context"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// diagnosis finds out what is particular to Google Cloud Storage.
type diagnosis struct{ *web.Diagnosis }

func diagnose(ctx context.Context, cfg *config.Config, u uri.URI) []backend.Finding {
	d := diagnosis{&web.Diagnosis{Cfg: cfg, URI: u, Bundle: []string{bundleVariable}}}
	list, err := d.settings()
	if err != nil {
		d.Failed("configuration", err)
		return d.Findings
	}
	for _, endpoint := range list {
		credentials := d.credentials(ctx, endpoint)
		if d.Endpoint(ctx, endpoint) && credentials {
			d.access(ctx, endpoint)
		}
	}
	return d.Findings
}

// settings are what is configured; it returns the endpoints.
func (d diagnosis) settings() ([]string, error) {
	list, err := endpoints(d.Cfg)
	if err != nil {
		return nil, err
	}
	for _, endpoint := range list {
		d.Add(backend.Found("endpoint", backend.Note, "%s (from %s)", endpoint, d.endpointSource()))
	}
	if id := project(d.Cfg); id != "" {
		d.Add(backend.Found("project", backend.Note, "%s (from GOOGLE_CLOUD_PROJECT)", id))
	}
	if err := d.Trust(); err != nil {
		return nil, err
	}
	return list, checkBucket("diagnose", d.URI)
}

func (d diagnosis) endpointSource() string {
	switch {
	case len(d.Cfg.Endpoints) > 0:
		return "the options"
	case d.Cfg.Getenv(emulatorVariable) != "":
		return emulatorVariable
	}
	return "the default"
}

// credentials says which are used at an endpoint, and whether they give a token.
func (d diagnosis) credentials(ctx context.Context, endpoint string) bool {
	store, err := open(ctx, d.Cfg, endpoint)
	if err != nil {
		d.Failed("credentials", err)
		return false
	}
	defer store.Close()
	c := store.(*client)
	switch {
	case d.Cfg.Anonymous:
		d.Add(backend.Found("credentials", backend.Note, "none: requests go without (option anonymous)"))
		return true
	case c.account == nil:
		d.Add(backend.Found("credentials", backend.Note, "none: they are not sent to the emulator in %s", emulatorVariable))
		return true
	}
	_, expires, err := c.account.token(ctx)
	if err != nil {
		d.Failed("credentials", err)
		return false
	}
	text := "a token of " + c.account.from
	if !expires.IsZero() {
		text += ", until " + expires.UTC().Format(time.RFC3339)
	}
	d.Add(backend.Found("credentials", backend.Fine, "%s", text))
	return true
}

// access asks for what the user wants to get at, as the user.
func (d diagnosis) access(ctx context.Context, endpoint string) {
	store, err := open(ctx, d.Cfg, endpoint)
	if err != nil {
		d.Failed("access", err)
		return
	}
	defer store.Close()
	d.Listed(ctx, "bucket "+d.URI.Container, func(ctx context.Context) error { return store.Mkdir(ctx, d.URI) })
}
