// Package uri is the only parser and formatter of URIs.
//
// A URI is scheme://container/key. The key is taken as it stands: nothing is
// percent-decoded, normalised or cut at '?' or '#', so that every key a store
// can hold has exactly one URI, and a listing's URIs can be read back.
//
// The local schemes have no container; their key is an absolute path:
// file:///data/a.npy. Whether a scheme is local is decided by its driver.
package uri

import (
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// URI is a parsed URI. For local schemes Container is "" and Key begins with '/'.
type URI struct {
	Scheme    string
	Container string
	Key       string
}

// Parse splits text into its parts without asking whether the scheme is known.
func Parse(text string) (URI, error) {
	if text == "" {
		return URI{}, errs.New(errs.Invalid, "", "", "empty URI").WithHint("Give scheme://container/key, such as s3://bucket/data/")
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || !validScheme(scheme) {
		e := errs.New(errs.Invalid, "", text, "malformed URI: no scheme")
		if strings.HasPrefix(text, "/") {
			return URI{}, e.WithHint("For a local path write file://%s", text)
		}
		return URI{}, e.WithHint("Give scheme://container/key, such as s3://bucket/data/ or file:///data/")
	}
	if strings.ContainsRune(text, 0) {
		return URI{}, errs.New(errs.Invalid, "", "", "malformed URI: it contains a NUL character")
	}
	u := URI{Scheme: strings.ToLower(scheme)}
	if strings.HasPrefix(rest, "/") { // scheme:///path
		u.Key = rest
		return u, nil
	}
	u.Container, u.Key, _ = strings.Cut(rest, "/")
	return u, nil
}

func validScheme(s string) bool {
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

// String is the inverse of Parse.
func (u URI) String() string {
	return u.Base() + u.Key
}

// Base is the part before the key: "s3://bucket/", or "file://" for local schemes.
func (u URI) Base() string {
	if u.Container == "" {
		return u.Scheme + "://"
	}
	return u.Scheme + "://" + u.Container + "/"
}

// WithKey is the same place with another key.
func (u URI) WithKey(key string) URI {
	u.Key = key
	return u
}

// IsDir says whether the URI is written as a directory or prefix: its key is empty or ends in '/'.
func (u URI) IsDir() bool {
	return u.Key == "" || strings.HasSuffix(u.Key, "/")
}
