package backend

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Driver is what a scheme registers: adding a backend is adding a folder whose
// init calls Register, and one import in backend/all.
type Driver struct {
	Scheme string
	// Local schemes have no container: their URIs are scheme:///path.
	Local bool
	// Hosts is true where the container is a server, or empty for a default one:
	// it can be neither made nor removed nor listed.
	Hosts bool
	// Directories is true where a prefix is a directory that exists by itself.
	Directories bool
	// Attributes is true where objects have a content type and user metadata.
	Attributes bool
	// StorageClasses is true where objects have one that can be chosen.
	StorageClasses bool
	// MinPart is the least size of the parts of an upload but the last, in
	// bytes, and MaxParts how many it may have; 0: no limit.
	MinPart  int64
	MaxParts int
	// Endpoints returns the base URLs a client of this configuration talks to,
	// one Backend each; nil for a store without endpoints, and an empty one where
	// the URIs name them. The driver reads its own environment variables from
	// the snapshot here.
	Endpoints func(cfg *config.Config) ([]string, error)
	// New opens the store at one endpoint. It does no network I/O.
	New func(ctx context.Context, cfg *config.Config, endpoint string) (Backend, error)
	// Diagnose finds out how this configuration uses the store that u names, and
	// what is wrong with it. It changes nothing there. nil: there is nothing to find out.
	Diagnose func(ctx context.Context, cfg *config.Config, u uri.URI) []Finding
}

var (
	mu      sync.RWMutex
	drivers = map[string]Driver{}
)

// Register adds a driver; called from init functions.
func Register(d Driver) {
	mu.Lock()
	defer mu.Unlock()
	drivers[d.Scheme] = d
}

// Schemes lists the known schemes in order.
func Schemes() []string {
	mu.RLock()
	defer mu.RUnlock()
	out := make([]string, 0, len(drivers))
	for s := range drivers {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// Containers says whether there are any that can be made, removed and listed.
func (d Driver) Containers() bool { return !d.Local && !d.Hosts }

// Resolve parses text and finds its driver, with errors that say what to write instead.
func Resolve(op, text string) (uri.URI, Driver, error) {
	u, err := uri.Parse(text)
	if err != nil {
		e := errs.From(err, op, text)
		e.Op = op
		return u, Driver{}, e
	}
	d, err := Find(op, text, u.Scheme)
	switch {
	case err != nil:
		return u, d, err
	case d.Local && (u.Container != "" || u.Key == ""):
		return u, d, errs.New(errs.Invalid, op, text, "malformed URI: a %s URI needs an absolute path", u.Scheme).
			WithHint("Write %s:///%s", u.Scheme, strings.TrimPrefix(u.Container+"/"+u.Key, "/"))
	case !d.Local && !d.Hosts && u.Container == "":
		return u, d, errs.New(errs.Invalid, op, text, "malformed URI: no bucket name").
			WithHint("Write %s://bucket/key", u.Scheme)
	}
	return u, d, nil
}

// Find returns the driver of a scheme; text is the URI that named it.
func Find(op, text, scheme string) (Driver, error) {
	mu.RLock()
	d, ok := drivers[scheme]
	mu.RUnlock()
	if !ok {
		return d, errs.New(errs.Unsupported, op, text, "unsupported scheme %q", scheme).
			WithHint("The schemes of this build are %s", strings.Join(Schemes(), ", "))
	}
	return d, nil
}
