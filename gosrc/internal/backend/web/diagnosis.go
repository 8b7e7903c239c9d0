package web

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Diagnosis collects what a Driver.Diagnose finds out.
type Diagnosis struct {
	Cfg      *config.Config
	URI      uri.URI
	Bundle   []string // the variables that name a file of trusted authorities
	Findings []backend.Finding
}

// Add adds a finding.
func (d *Diagnosis) Add(f backend.Finding) { d.Findings = append(d.Findings, f) }

// Failed notes an error in its own words.
func (d *Diagnosis) Failed(check string, err error) {
	e := errs.From(err, "", "")
	text := e.Msg
	if e.Cause != nil && !strings.Contains(text, e.Cause.Error()) {
		text += ": " + e.Cause.Error()
	}
	d.Add(backend.Found(check, backend.Fail, "%s", text).WithFix("%s", e.Hint))
}

// withoutUser is a URL for people, without the password of a proxy.
func withoutUser(u *url.URL) string {
	out := *u
	out.User = nil
	return out.String()
}

// Short is a duration for people.
func Short(t time.Duration) string {
	return fmt.Sprintf("%.1f ms", t.Seconds()*1e3)
}
