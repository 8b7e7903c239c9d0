package web

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Diagnosis collects what a Driver.Diagnose finds out.
type Diagnosis struct {
	backend.Findings

	Cfg    *config.Config
	URI    uri.URI
	Bundle []string // the variables that name a file of trusted authorities
}

// Trust notes which authorities are trusted, and fails where they cannot be read.
func (d *Diagnosis) Trust() error {
	if _, err := TLS(d.Cfg, d.Bundle...); err != nil {
		return err
	}
	if file := Bundle(d.Cfg, d.Bundle...); file != "" {
		d.Add(backend.Found("ca_bundle", backend.Note, "%s", file))
	}
	return nil
}

// Listed notes whether ask, which lists what is called so, succeeds, and how long it takes.
func (d *Diagnosis) Listed(ctx context.Context, what string, ask func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, d.Cfg.RequestTimeout.Duration())
	defer cancel()
	begun := time.Now()
	if err := ask(ctx); err != nil {
		d.Failed("access", err)
		return
	}
	d.Add(backend.Found("access", backend.Fine, "%s can be listed (%s)", what, shortTime(time.Since(begun))))
}

// withoutUser is a URL for people, without the password of a proxy.
func withoutUser(u *url.URL) string {
	out := *u
	out.User = nil
	return out.String()
}

// shortTime is a duration for people.
func shortTime(t time.Duration) string {
	return fmt.Sprintf("%.1f ms", t.Seconds()*1e3)
}
