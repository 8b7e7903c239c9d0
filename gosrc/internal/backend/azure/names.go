package azure

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

const maxKey = 1024 // characters

var (
	containerName = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)
	metadataName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// special are the containers that the service has names of its own for.
var special = map[string]bool{"$root": true, "$web": true, "$logs": true, "$blobchangefeed": true}

// checkContainer refuses a name that no container can have.
func checkContainer(op string, u uri.URI) error {
	name := u.Container
	if special[name] || len(name) >= 3 && len(name) <= 63 && containerName.MatchString(name) {
		return nil
	}
	return errs.New(errs.Invalid, op, u.String(), "%q cannot be the name of a container", name).
		WithHint("A name has 3 to 63 lower-case letters, digits and single hyphens, and begins and ends with a letter or digit")
}

// checkObject refuses what no blob can be called. A segment of dots would be
// resolved on the way, and the request would concern something else.
func checkObject(op string, u uri.URI) error {
	if err := checkContainer(op, u); err != nil {
		return err
	}
	if u.Key == "" {
		return errs.New(errs.Invalid, op, u.String(), "the URI names a container, not an object in it").
			WithHint("Add the object's key: %skey", u.Base())
	}
	why := ""
	switch {
	case !utf8.ValidString(u.Key):
		why = "is not UTF-8"
	case utf8.RuneCountInString(u.Key) > maxKey:
		why = "is longer than 1024 characters"
	case strings.ContainsFunc(u.Key, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffe || r == 0xffff }):
		why = "has control characters"
	default:
		for segment := range strings.SplitSeq(u.Key, "/") {
			if segment == "." || segment == ".." {
				why = "has a segment " + segment
			}
		}
	}
	if why == "" {
		return nil
	}
	return errs.New(errs.Invalid, op, u.String(), "the key %q %s, which Azure does not take", u.Key, why).
		WithHint("Give the object another name")
}
