package s3

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// section is the settings of one profile.
type section map[string]string

// profiles are the shared configuration files of AWS: ~/.aws/config and
// ~/.aws/credentials, the latter taking precedence.
type profiles struct {
	cfg        *config.Config
	configFile string
	sections   map[string]section
}

func loadProfiles(cfg *config.Config) (*profiles, error) {
	p := &profiles{cfg: cfg, configFile: awsFile(cfg, "AWS_CONFIG_FILE", "config"), sections: map[string]section{}}
	for _, file := range []struct {
		path      string
		isProfile func(header string) (name string, ok bool)
	}{
		{p.configFile, func(header string) (string, bool) {
			name, ok := strings.CutPrefix(header, "profile ")
			return strings.TrimSpace(name), ok || header == "default"
		}},
		{awsFile(cfg, "AWS_SHARED_CREDENTIALS_FILE", "credentials"), func(header string) (string, bool) { return header, true }},
	} {
		if err := p.read(file.path, file.isProfile); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// awsFile is where a shared file lies; "" where that cannot be known.
func awsFile(cfg *config.Config, variable, name string) string {
	path, home := cfg.Getenv(variable), cfg.Getenv("HOME")
	rest, inHome := strings.CutPrefix(path, "~/")
	switch {
	case path == "" && home != "":
		return filepath.Join(home, ".aws", name)
	case inHome && home != "":
		return filepath.Join(home, rest)
	}
	return path
}

func (p *profiles) read(path string, isProfile func(string) (string, bool)) error {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return errs.Wrap(err, errs.Credentials, "configure", "", "cannot read the shared configuration")
	}
	var current section
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n \t")
		switch {
		case line == "" || strings.ContainsAny(line[:1], "#; \t"): // indented: settings of a service
		case line[0] == '[':
			header := strings.Trim(strings.Trim(line, "[]"), " \t")
			name, ok := isProfile(strings.Trim(header, `"`))
			current = nil
			if ok {
				current = p.section(strings.Trim(name, `"`))
			}
		case current != nil:
			if name, value, ok := strings.Cut(line, "="); ok {
				current[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
			}
		}
	}
	return nil
}

func (p *profiles) section(name string) section {
	s := p.sections[name]
	if s == nil {
		s = section{}
		p.sections[name] = s
	}
	return s
}

// chosen is the profile in use, empty where the default one does not exist.
func (p *profiles) chosen() (name string, s section, err error) {
	name = p.cfg.Profile
	if name == "" {
		name = p.cfg.Getenv("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
	}
	if name == "" {
		return "default", p.sections["default"], nil
	}
	s, err = p.named(name)
	return name, s, err
}

func (p *profiles) named(name string) (section, error) {
	s, ok := p.sections[name]
	if !ok {
		return nil, errs.New(errs.Credentials, "configure", "", "the profile %q is not in the shared configuration", name).
			WithHint("Add it to %s or %s, or choose another with the option profile or AWS_PROFILE",
				or(p.configFile, "~/.aws/config"), or(awsFile(p.cfg, "AWS_SHARED_CREDENTIALS_FILE", "credentials"), "~/.aws/credentials"))
	}
	return s, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
