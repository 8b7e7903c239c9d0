package azure

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// diagnosis finds out what is particular to Azure.
type diagnosis struct{ *web.Diagnosis }

func diagnose(ctx context.Context, cfg *config.Config, u uri.URI) []backend.Finding {
	d := diagnosis{&web.Diagnosis{Cfg: cfg, URI: u, Bundle: []string{bundleVariable}}}
	s, list, err := d.settings()
	if err != nil {
		d.Failed("configuration", err)
		return d.Findings
	}
	credentials := d.credentials(ctx, s)
	for _, endpoint := range list {
		if d.Endpoint(ctx, endpoint) && credentials {
			d.access(ctx, endpoint)
		}
	}
	return d.Findings
}

// settings are what is configured; it returns the endpoints, too.
func (d diagnosis) settings() (*settings, []string, error) {
	s, err := load(d.Cfg)
	if err != nil {
		return nil, nil, err
	}
	list, err := endpoints(d.Cfg)
	if err != nil {
		return nil, nil, err
	}
	if s.account != "" {
		d.Add(backend.Found("account", backend.Note, "%s (from %s)", s.account, s.accountFrom))
	}
	from := s.endpointFrom
	switch {
	case len(d.Cfg.Endpoints) > 0:
		from = "the options"
	case from == "":
		from = "the account"
	}
	for _, endpoint := range list {
		d.Add(backend.Found("endpoint", backend.Note, "%s (from %s)", endpoint, from))
	}
	if err := d.Trust(); err != nil {
		return nil, nil, err
	}
	return s, list, nil
}

// credentials says which are used, and whether there are any.
func (d diagnosis) credentials(ctx context.Context, s *settings) bool {
	switch {
	case d.Cfg.Anonymous:
		d.Add(backend.Found("credentials", backend.Note, "none: requests are not signed (option anonymous)"))
		return true
	case s.key != "":
		d.Add(backend.Found("credentials", backend.Fine, "the account's key in %s", s.secretFrom))
		return true
	case s.sas != "":
		return d.signature(s)
	}
	c, err := newChain(d.Cfg)
	if err == nil {
		token, from, found := c.search(ctx)
		if err = found; err == nil {
			d.Add(backend.Found("credentials", backend.Fine, "a token for %s, until %s", from, token.ExpiresOn.UTC().Format(time.RFC3339)))
			return true
		}
	}
	d.Failed("credentials", err)
	return false
}

// signature says what a SAS is good for, without showing it.
func (d diagnosis) signature(s *settings) bool {
	a := &authority{sas: s.sas.Reveal(), from: s.secretFrom}
	if late := a.ended(time.Now()); late != "" {
		d.Add(backend.Found("credentials", backend.Fail, "the shared access signature has expired").WithFix("%s", late))
		return false
	}
	text := "a shared access signature in " + s.secretFrom
	if q, err := url.ParseQuery(a.sas); err == nil {
		if rights := q.Get("sp"); rights != "" {
			text += fmt.Sprintf(", with the rights %q", rights)
		}
		if end := q.Get("se"); end != "" {
			text += ", until " + end
		}
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
	c := store.(*client)
	d.Listed(ctx, "container "+d.URI.Container, func(ctx context.Context) error {
		_, err := c.page(ctx, d.URI.WithKey(""), pageQuery(1))
		return err
	})
}
