package azure

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
)

// listing is one page as the service sends it.
type listing struct {
	entries []backend.Entry
	next    string // marker of the page behind it; "": there is none
}

// parseListing reads the XML of a page. The entries share the memory of text.
func parseListing(text string) (l listing, err error) {
	l.entries = make([]backend.Entry, 0, strings.Count(text, "<Blob>")+strings.Count(text, "<BlobPrefix>"))
	s := web.NewScanner(text)
	root, err := s.Open()
	if err != nil {
		return l, err
	}
	if root != "EnumerationResults" {
		return l, fmt.Errorf("%q instead of EnumerationResults", root)
	}
	return l, s.Each(func(name string, s *web.Scanner) (err error) {
		switch name {
		case "Blobs":
			return s.Each(l.entry)
		case "NextMarker":
			l.next, err = s.Text()
			return err
		}
		return s.Skip()
	})
}

// entry adds an object or a common prefix. The directories of a hierarchical
// namespace are neither.
func (l *listing) entry(kind string, s *web.Scanner) error {
	e := backend.Entry{Size: -1}
	directory, inferred := false, false
	property := func(name string, s *web.Scanner) (err error) {
		var value string
		if value, err = s.Text(); err != nil {
			return err
		}
		switch name {
		case "Content-Length":
			e.Size, err = strconv.ParseInt(value, 10, 64)
		case "Last-Modified":
			e.ModTime, err = http.ParseTime(value)
		case "Etag":
			e.ETag = web.Unquote(value)
		case "AccessTier":
			e.StorageClass = value
		case "AccessTierInferred":
			inferred = value == "true"
		case "ArchiveStatus":
			e.Restore = &backend.Restore{InProgress: strings.HasPrefix(value, "rehydrate-pending")}
		case "ResourceType":
			directory = value == "directory"
		}
		return err
	}
	err := s.Each(func(name string, s *web.Scanner) (err error) {
		switch name {
		case "Name":
			e.Key, err = keyName(s)
			return err
		case "Properties":
			return s.Each(property)
		}
		return s.Skip()
	})
	switch {
	case err != nil:
		return err
	case kind == "Blob" && (directory || e.Size < 0), kind != "Blob" && kind != "BlobPrefix":
		return nil
	case kind == "BlobPrefix":
		e = backend.Entry{Key: e.Key, Size: -1}
	case inferred: // the class is the account's, not the object's
		e.StorageClass = ""
	}
	l.entries = append(l.entries, e)
	return nil
}

// keyName reads a name, which is percent-encoded where XML cannot hold it.
func keyName(s *web.Scanner) (string, error) {
	encoded := strings.Contains(s.Attributes, `Encoded="true"`)
	name, err := s.Text()
	if err != nil || !encoded {
		return name, err
	}
	return url.PathUnescape(name)
}
