package azure

import (
	"encoding/base64"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// The variables, and their shorter names that other programs read.
var (
	accountVariables  = []string{"AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"}
	keyVariables      = []string{"AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_KEY"}
	sasVariables      = []string{"AZURE_STORAGE_SAS_TOKEN"}
	endpointVariables = []string{"AZURE_STORAGE_BLOB_ENDPOINT", "AZURE_STORAGE_ENDPOINT"}
)

// bundleVariable names a file of trusted authorities where the options do not.
const bundleVariable = "SSL_CERT_FILE"

const connectionVariable = "AZURE_STORAGE_CONNECTION_STRING"

// settings are what the environment says of the account.
type settings struct {
	account  string
	key      config.Secret // in base64
	sas      config.Secret // without the question mark
	endpoint string        // "": that of the account at Azure
	// The variables that they are from, for texts.
	accountFrom, secretFrom, endpointFrom string
}

// load reads the variables. A connection string has all of an account's
// settings; what it leaves out, the other variables say.
func load(cfg *config.Config) (*settings, error) {
	s := &settings{}
	if text := cfg.Getenv(connectionVariable); text != "" {
		if err := s.connection(text); err != nil {
			return nil, err
		}
	}
	if s.account == "" {
		s.account, s.accountFrom = variable(cfg, accountVariables)
	}
	if s.key == "" && s.sas == "" {
		if text, from := variable(cfg, keyVariables); text != "" {
			s.key, s.secretFrom = config.Secret(text), from
		} else if text, from := variable(cfg, sasVariables); text != "" {
			s.sas, s.secretFrom = config.Secret(strings.TrimPrefix(text, "?")), from
		}
	}
	if text, from := variable(cfg, endpointVariables); text != "" {
		s.endpoint, s.endpointFrom = text, from
	}
	return s, s.check()
}

// variable is the first of names that is set, and which one it is.
func variable(cfg *config.Config, names []string) (value, name string) {
	for _, name := range names {
		if v := cfg.Getenv(name); v != "" {
			return v, name
		}
	}
	return "", ""
}

const maxAccount = 24 // characters

var accountName = regexp.MustCompile(`^[a-z0-9]{3,24}$`)

// check finds what could not work, before any request is made. No text shows a secret.
func (s *settings) check() error {
	if s.account != "" && !accountName.MatchString(s.account) {
		shown := strconv.Quote(s.account)
		if len(s.account) > maxAccount { // it may be the key
			shown = "its value"
		}
		return errs.New(errs.Invalid, "configure", "", "%s: %s is not the name of a storage account", s.accountFrom, shown).
			WithHint("Write its name of 3 to 24 lower-case letters and digits, without the host")
	}
	if s.key != "" {
		if key, err := base64.StdEncoding.DecodeString(s.key.Reveal()); err != nil || len(key) == 0 {
			return errs.New(errs.Credentials, "configure", "", "the account key in %s is malformed: it is not base64", s.secretFrom).
				WithHint("Copy the key as the portal or `az storage account keys list` shows it")
		}
	}
	if s.sas != "" {
		q, err := url.ParseQuery(s.sas.Reveal())
		if err != nil || q.Get("sig") == "" || q.Get("sv") == "" {
			return errs.New(errs.Credentials, "configure", "", "the shared access signature in %s is malformed: it lacks the fields sv and sig", s.secretFrom).
				WithHint("Copy the whole query, which begins like sv=... or ?sv=...")
		}
	}
	return nil
}

// endpoints are the base URLs of the account's blob service: those of the
// configuration, else the one of the environment, else Azure's.
func endpoints(cfg *config.Config) ([]string, error) {
	s, err := load(cfg)
	if err != nil {
		return nil, err
	}
	list := cfg.Endpoints
	if len(list) == 0 && s.endpoint != "" {
		list = []string{s.endpoint}
	}
	if len(list) == 0 && s.account != "" {
		list = []string{"https://" + s.account + ".blob.core.windows.net"}
	}
	if len(list) == 0 {
		return nil, errs.New(errs.Invalid, "configure", "", "no storage account is named").
			WithHint("Set AZURE_STORAGE_ACCOUNT_NAME or AZURE_STORAGE_CONNECTION_STRING")
	}
	out, err := web.ParseEndpoints(list)
	for i := range out {
		out[i] = withAccount(out[i], s.account)
	}
	return out, err
}

// withAccount puts the account into the path of an endpoint that has none and
// whose host cannot be the account's own: an address, or a name without a dot.
func withAccount(endpoint, account string) string {
	u, err := url.Parse(endpoint)
	if err != nil || account == "" || u.Path != "" || !emulator(u) {
		return endpoint
	}
	u.Path = "/" + account
	return u.String()
}

func emulator(u *url.URL) bool {
	_, err := netip.ParseAddr(u.Hostname())
	return err == nil || !strings.Contains(u.Hostname(), ".") || u.Hostname() == "host.docker.internal"
}

// accountOf is the account that an endpoint names, "" where it does not.
func accountOf(u *url.URL) string {
	if name := strings.Trim(u.Path, "/"); name != "" {
		return name
	}
	name, rest, _ := strings.Cut(u.Hostname(), ".")
	if emulator(u) || !strings.HasPrefix(rest, "blob.") {
		return ""
	}
	return name
}
