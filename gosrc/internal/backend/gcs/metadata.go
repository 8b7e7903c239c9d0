package gcs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

const (
	metadataHost    = "169.254.169.254"
	metadataDial    = time.Second // short: outside of the cloud nobody answers
	metadataTimeout = 10 * time.Second
)

// metadata is the service of a machine in the cloud that knows its account. It
// is asked here, not by Google's library, which would take its address from the
// environment of the process.
type metadata struct {
	base   string
	client *http.Client
}

func fromMetadata(cfg *config.Config) *account {
	host := cfg.Getenv("GCE_METADATA_HOST")
	if host == "" {
		host = metadataHost
	}
	m := &metadata{base: "http://" + host + "/computeMetadata/v1/", client: &http.Client{
		Timeout: metadataTimeout,
		Transport: &http.Transport{ // never through a proxy
			DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: metadataDial}).DialContext,
		},
	}}
	return &account{from: "the account of this machine (metadata server " + host + ")", token: m.token, findProject: m.project}
}

// token asks for a token of the machine's account.
func (m *metadata) token(ctx context.Context) (token, time.Time, error) {
	text, err := m.ask(ctx, "instance/service-accounts/default/token?scopes="+scope)
	if err != nil {
		return token{}, time.Time{}, m.explain(err)
	}
	var v struct {
		Token   string `json:"access_token"`
		Seconds int64  `json:"expires_in"`
	}
	if err := json.Unmarshal(text, &v); err != nil || v.Token == "" {
		return token{}, time.Time{}, errs.New(errs.Credentials, "", "", "the metadata server gives no token").
			WithHint("Check that the machine has a service account")
	}
	return token{config.Secret(v.Token)}, time.Now().Add(time.Duration(v.Seconds) * time.Second), nil
}

// project asks for the project of the machine.
func (m *metadata) project(ctx context.Context) (string, error) {
	text, err := m.ask(ctx, "project/project-id")
	return strings.TrimSpace(string(text)), err
}

var errNoMetadata = errors.New("what answers is no metadata server of Google Cloud")

func (m *metadata) ask(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.base+path, nil)
	if err != nil {
		return nil, errors.New("GCE_METADATA_HOST is not host:port")
	}
	req.Header.Set("Metadata-Flavor", "Google")
	resp, err := m.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.Header.Get("Metadata-Flavor") != "Google": // other clouds have the same address
		return nil, errNoMetadata
	case resp.StatusCode >= http.StatusInternalServerError, resp.StatusCode == http.StatusTooManyRequests: // as while a node of GKE starts
		e := errs.New(errs.Credentials, "", "", "the metadata server answers %s", resp.Status)
		e.Endpoint = "http://" + req.URL.Host
		return nil, passing(e, resp)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the metadata server answers %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}

// explain is for those who meant other credentials: this is the last place that is looked at.
func (m *metadata) explain(err error) error {
	if errors.Is(err, context.Canceled) || errors.As(err, new(*errs.Error)) {
		return err
	}
	return errs.Wrap(err, errs.Credentials, "", "", "no credentials were found").WithHint(
		"Set GOOGLE_APPLICATION_CREDENTIALS to a file of credentials, log in with: gcloud auth application-default login, " +
			"or set the option anonymous for a public bucket")
}
