package gcs

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// The service's rules for names.
const (
	minBucket    = 3
	maxBucket    = 222
	maxComponent = 63 // of a bucket's name, between dots
	maxKey       = 1024
)

// checkBucket refuses a name that no bucket can have.
func checkBucket(op string, u uri.URI) error {
	name := u.Container
	wrong := ""
	switch {
	case len(name) < minBucket || len(name) > maxBucket:
		wrong = "it has less than 3 characters, or too many"
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "":
		wrong = "it holds another character"
	case strings.ContainsAny(name[:1]+name[len(name)-1:], "-_."):
		wrong = "it begins or ends with another character than a letter or a digit"
	}
	for part := range strings.SplitSeq(name, ".") {
		if part == "" || len(part) > maxComponent {
			wrong = "a part of it between dots is empty or too long"
		}
	}
	if _, err := netip.ParseAddr(name); err == nil {
		wrong = "it is written as an IP address"
	}
	if wrong == "" {
		return nil
	}
	return errs.New(errs.Invalid, op, u.String(), "%q is no name of a bucket: %s", name, wrong).
		WithHint("Bucket names have 3 to 63 characters, or up to 222 with dots: lower-case letters, digits, '-', '_' and '.'")
}

// checkKey refuses a key that no object can have.
func checkKey(op string, u uri.URI) error {
	wrong := ""
	switch key := u.Key; {
	case key == "":
		return errs.New(errs.Invalid, op, u.String(), "the URI names a bucket, not an object in it").
			WithHint("Add the object's key: %skey", u.Base())
	case !utf8.ValidString(key):
		wrong = "it is not UTF-8"
	case len(key) > maxKey:
		wrong = "it is longer than 1024 bytes"
	case strings.ContainsAny(key, "\r\n"):
		wrong = "it holds a line break"
	case key == "." || key == "..":
		wrong = "the service takes neither '.' nor '..'"
	case strings.HasPrefix(key, ".well-known/acme-challenge/"):
		wrong = "the service keeps what begins so for itself"
	default:
		return nil
	}
	return errs.New(errs.Invalid, op, u.String(), "%q is no key of an object: %s", u.Key, wrong).WithHint("Give the object another name")
}

// checkPrefix refuses what no key can begin with.
func checkPrefix(op string, u uri.URI) error {
	if utf8.ValidString(u.Key) && len(u.Key) <= maxKey && !strings.ContainsAny(u.Key, "\r\n") {
		return nil
	}
	return errs.New(errs.Invalid, op, u.String(), "no key begins with %q: keys are UTF-8 without line breaks, at most 1024 bytes", u.Key)
}
