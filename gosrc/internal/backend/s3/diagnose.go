package s3

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// diagnosis collects what is found out.
type diagnosis struct {
	cfg      *config.Config
	u        uri.URI
	findings []backend.Finding
}

func diagnose(ctx context.Context, cfg *config.Config, u uri.URI) []backend.Finding {
	d := &diagnosis{cfg: cfg, u: u}
	list, err := d.settings()
	if err != nil {
		d.failed("configuration", err)
		return d.findings
	}
	credentials := d.credentials(ctx)
	for _, endpoint := range list {
		if d.endpoint(ctx, endpoint) && credentials {
			d.access(ctx, endpoint)
		}
	}
	return d.findings
}

func (d *diagnosis) add(f backend.Finding) { d.findings = append(d.findings, f) }

// failed notes an error in its own words.
func (d *diagnosis) failed(check string, err error) {
	e := errs.From(err, "", "")
	text := e.Msg
	if e.Cause != nil && !strings.Contains(text, e.Cause.Error()) {
		text += ": " + e.Cause.Error()
	}
	d.add(backend.Found(check, backend.Fail, "%s", text).WithFix("%s", e.Hint))
}

// settings are what is configured; it returns the endpoints.
func (d *diagnosis) settings() ([]string, error) {
	p, err := loadProfiles(d.cfg)
	if err != nil {
		return nil, err
	}
	name, profile, err := p.chosen()
	if err != nil {
		return nil, err
	}
	if profile != nil {
		d.add(backend.Found("profile", backend.Note, "%s", name))
	}
	region := region(d.cfg, profile)
	d.add(backend.Found("region", backend.Note, "%s (from %s)", region, d.regionSource(profile)))
	list, err := endpoints(d.cfg)
	if err != nil {
		return nil, err
	}
	for _, endpoint := range list {
		d.add(backend.Found("endpoint", backend.Note, "%s (from %s)", endpoint, d.endpointSource(profile)))
	}
	if _, err := tlsConfig(d.cfg); err != nil {
		return nil, err
	}
	if file := or(d.cfg.CABundle, d.cfg.Getenv("AWS_CA_BUNDLE")); file != "" {
		d.add(backend.Found("ca_bundle", backend.Note, "%s", file))
	}
	return list, nil
}

func (d *diagnosis) regionSource(profile section) string {
	switch {
	case d.cfg.Region != "":
		return "the option region"
	case d.cfg.Getenv("AWS_REGION") != "":
		return "AWS_REGION"
	case d.cfg.Getenv("AWS_DEFAULT_REGION") != "":
		return "AWS_DEFAULT_REGION"
	case profile["region"] != "":
		return "the profile"
	}
	return "the default"
}

func (d *diagnosis) endpointSource(profile section) string {
	switch {
	case len(d.cfg.Endpoints) > 0:
		return "the options"
	case d.cfg.Getenv("AWS_ENDPOINT_URL_S3") != "":
		return "AWS_ENDPOINT_URL_S3"
	case d.cfg.Getenv("AWS_ENDPOINT_URL") != "":
		return "AWS_ENDPOINT_URL"
	case profile["endpoint_url"] != "":
		return "the profile"
	}
	return "the region"
}

// credentials says which are used, and whether there are any.
func (d *diagnosis) credentials(ctx context.Context) bool {
	if d.cfg.Anonymous {
		d.add(backend.Found("credentials", backend.Note, "none: requests are not signed (option anonymous)"))
		return true
	}
	c, err := newChain(d.cfg, "")
	if err == nil {
		var v keys
		var from string
		if v, from, err = c.search(ctx); err == nil {
			text := fmt.Sprintf("access key %s from %s", shortened(v.AccessKeyID), from)
			if !v.Expiration.IsZero() {
				text += ", until " + v.Expiration.UTC().Format(time.RFC3339)
			}
			d.add(backend.Found("credentials", backend.Fine, "%s", text))
			return true
		}
	}
	d.failed("credentials", err)
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
func (d *diagnosis) access(ctx context.Context, endpoint string) {
	store, err := open(ctx, d.cfg, endpoint)
	if err != nil {
		d.failed("access", err)
		return
	}
	defer store.Close()
	c := store.(*client)
	style := "path style"
	if !c.pathStyle && hostable(d.u.Container, c.endpoint.Scheme) {
		style = "virtual-host style"
	}
	host, target := c.address(&call{u: d.u.WithKey("key"), key: true})
	d.add(backend.Found("addressing", backend.Note, "%s: %s://%s%s", style, c.endpoint.Scheme, host, target))
	ctx, cancel := context.WithTimeout(ctx, d.cfg.RequestTimeout.Duration())
	defer cancel()
	begun := time.Now()
	err = c.finish(ctx, &call{op: "list", u: d.u.WithKey(""), method: http.MethodGet, query: "list-type=2&max-keys=1"})
	if err != nil {
		d.failed("access", err)
		return
	}
	d.add(backend.Found("access", backend.Fine, "bucket %s can be listed (%s)", d.u.Container, shortTime(time.Since(begun))))
}

// withoutUser is a URL for people, without the password of a proxy.
func withoutUser(u *url.URL) string {
	out := *u
	out.User = nil
	return out.String()
}

func shortTime(t time.Duration) string {
	return fmt.Sprintf("%.1f ms", t.Seconds()*1e3)
}
