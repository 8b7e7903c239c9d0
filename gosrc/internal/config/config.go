// Package config holds what a client is configured with: typed options and the
// snapshot of the environment that Python took.
//
// No other package reads the process environment: a Go c-shared library sees
// the environment of process start, not what Python set later (lint forbids
// os.Getenv elsewhere).
package config

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// Config is the configuration of one client. The JSON names are the option
// names that users write; s3dlio/options.py documents them.
type Config struct {
	Endpoints       []string `json:"endpoints"`           // base URLs; empty: the service's own
	Strategy        string   `json:"strategy"`            // "round_robin" | "least_busy"
	Region          string   `json:"region"`              // "" : environment, then us-east-1
	Profile         string   `json:"profile"`             // shared configuration profile
	Anonymous       bool     `json:"anonymous"`           // send unsigned requests
	ForcePathStyle  *bool    `json:"force_path_style"`    // nil: by endpoint
	CABundle        string   `json:"ca_bundle"`           // PEM file
	ConnectTimeout  Seconds  `json:"connect_timeout"`     // to open a connection
	RequestTimeout  Seconds  `json:"request_timeout"`     // without a byte of progress
	RetryTimeout    Seconds  `json:"retry_timeout"`       // for an endpoint that has answered before
	MaxAttempts     int      `json:"max_attempts"`        // 0: only retry_timeout limits
	DirectFallback  bool     `json:"direct_fallback"`     // buffered reads where O_DIRECT is refused
	MultipartThresh int64    `json:"multipart_threshold"` // PUTs above it are uploaded in parts
	RestoreStatus   bool     `json:"restore_status"`      // S3 listings ask for that of archived objects
	UserAgent       string   `json:"user_agent"`          // goes before our own name

	Env map[string]string `json:"env"`
}

// Seconds is a duration written as a number of seconds.
type Seconds time.Duration

// Duration converts to the standard type.
func (s Seconds) Duration() time.Duration { return time.Duration(s) }

// UnmarshalJSON reads a number of seconds.
func (s *Seconds) UnmarshalJSON(text []byte) error {
	var f float64
	if err := json.Unmarshal(text, &f); err != nil {
		return err
	}
	*s = Seconds(f * float64(time.Second))
	return nil
}

// Default is what applies where an option is absent.
func Default() Config {
	return Config{
		Strategy:        "round_robin",
		ConnectTimeout:  Seconds(5 * time.Second),
		RequestTimeout:  Seconds(60 * time.Second),
		RetryTimeout:    Seconds(90 * time.Second),
		MultipartThresh: 64 << 20,
	}
}

// Parse reads the JSON that Python sends. Unknown names are refused.
func Parse(text []byte) (*Config, error) {
	c := Default()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return nil, errs.Wrap(err, errs.Invalid, "configure", "", "malformed client configuration")
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &c, nil
}

func (c *Config) validate() error {
	switch c.Strategy {
	case "round_robin", "least_busy":
	default:
		return errs.New(errs.Invalid, "configure", "", "strategy %q is not known", c.Strategy).
			WithHint("Use round_robin or least_busy")
	}
	for name, s := range map[string]Seconds{
		"connect_timeout": c.ConnectTimeout, "request_timeout": c.RequestTimeout,
	} {
		if s <= 0 {
			return errs.New(errs.Invalid, "configure", "", "%s must be greater than 0", name)
		}
	}
	for i := range len(c.UserAgent) {
		if b := c.UserAgent[i]; b < ' ' || b > '~' {
			return errs.New(errs.Invalid, "configure", "", "user_agent %q is not printable ASCII", c.UserAgent).
				WithHint("Write it as HTTP has it: name/version (comment)")
		}
	}
	if c.RetryTimeout < 0 || c.MaxAttempts < 0 || c.MultipartThresh <= 0 {
		return errs.New(errs.Invalid, "configure", "", "retry_timeout and max_attempts must not be negative, multipart_threshold must be greater than 0")
	}
	return nil
}

// Getenv answers from the snapshot: the first of names that is set and not empty.
func (c *Config) Getenv(names ...string) string {
	for _, name := range names {
		if v := c.Env[name]; v != "" {
			return v
		}
	}
	return ""
}

// Secret is a string that prints redacted.
type Secret string

func (s Secret) String() string { return "[redacted]" }

// GoString redacts in %#v too.
func (s Secret) GoString() string { return "[redacted]" }

// MarshalText redacts in JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Reveal returns the secret itself, for the SDK that needs it.
func (s Secret) Reveal() string { return string(s) }
