package gcs

import (
	"net/url"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

const (
	serviceURL       = "https://storage.googleapis.com"
	emulatorVariable = "STORAGE_EMULATOR_HOST"
	bundleVariable   = "SSL_CERT_FILE"
)

// endpoints are the base URLs: those of the configuration, else that of an
// emulator, or of the service.
func endpoints(cfg *config.Config) ([]string, error) {
	if len(cfg.Endpoints) > 0 {
		return web.ParseEndpoints(cfg.Endpoints)
	}
	u, err := emulator(cfg)
	if err != nil {
		return nil, err
	}
	if u != nil {
		return []string{u.String()}, nil
	}
	return []string{serviceURL}, nil
}

// emulator is the address in the variable; nil: there is none. It is written
// with a scheme or without, and some add the path of the API.
func emulator(cfg *config.Config) (*url.URL, error) {
	text := cfg.Getenv(emulatorVariable)
	if text == "" {
		return nil, nil
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := web.ParseEndpoint(strings.TrimSuffix(strings.TrimRight(text, "/"), "/storage/v1"))
	if err != nil {
		e := *errs.From(err, "configure", "")
		e.Msg = emulatorVariable + ": " + e.Msg
		return nil, e.WithHint("Write it as host:port or http://host:port")
	}
	return u, nil
}

// isAnonymous says whether requests to an endpoint go without credentials: an
// emulator must not get any.
func isAnonymous(cfg *config.Config, endpoint *url.URL) (bool, error) {
	u, err := emulator(cfg)
	return cfg.Anonymous || u != nil && *u == *endpoint, err
}

// project is the one that buckets are made in and listed of, where the
// configuration names it.
func project(cfg *config.Config) string {
	return cfg.Getenv("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT")
}
