package s3

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
)

// listing is one page as the service sends it.
type listing struct {
	entries   []backend.Entry
	truncated bool
	next      string // token of the page behind it
	encoded   bool   // names are in URL encoding
}

// parseListing reads the XML of a page. encoding/xml would take five times as
// long as everything else about a listing; this reads the little of XML that
// such answers consist of. The entries share the memory of text.
func parseListing(text string) (listing, error) {
	l := listing{entries: make([]backend.Entry, 0, strings.Count(text, "<Contents>")+strings.Count(text, "<CommonPrefixes>"))}
	s := web.NewScanner(text)
	root, err := s.Open()
	if err != nil {
		return l, err
	}
	if root != "ListBucketResult" {
		return l, fmt.Errorf("%q instead of ListBucketResult", root)
	}
	if err := s.Each(l.element); err != nil {
		return l, err
	}
	return l, l.decode()
}

func (l *listing) element(name string, s *web.Scanner) (err error) {
	var value string
	switch name {
	case "Contents":
		e := backend.Entry{}
		if err = s.Each(func(name string, s *web.Scanner) error { return object(&e, name, s) }); err == nil {
			l.entries = append(l.entries, e)
		}
	case "CommonPrefixes":
		e := backend.Entry{Size: -1}
		if err = s.Each(func(name string, s *web.Scanner) error { return object(&e, name, s) }); err == nil {
			l.entries = append(l.entries, e)
		}
	case "IsTruncated":
		value, err = s.Text()
		l.truncated = value == "true"
	case "NextContinuationToken":
		l.next, err = s.Text()
	case "EncodingType":
		value, err = s.Text()
		l.encoded = value == "url"
	default:
		err = s.Skip()
	}
	return err
}

func object(e *backend.Entry, name string, s *web.Scanner) (err error) {
	var value string
	switch name {
	case "Key", "Prefix":
		e.Key, err = s.Text()
	case "Size":
		if value, err = s.Text(); err == nil {
			e.Size, err = strconv.ParseInt(value, 10, 64)
		}
	case "ETag":
		value, err = s.Text()
		e.ETag = web.Unquote(value)
	case "RestoreStatus":
		e.Restore = &backend.Restore{}
		err = s.Each(func(name string, s *web.Scanner) error { return restored(e.Restore, name, s) })
	case "StorageClass":
		e.StorageClass, err = s.Text()
	case "LastModified":
		if value, err = s.Text(); err == nil {
			e.ModTime, err = time.Parse(time.RFC3339, value)
		}
	default:
		err = s.Skip()
	}
	return err
}

func restored(r *backend.Restore, name string, s *web.Scanner) error {
	value, err := s.Text()
	switch name {
	case "IsRestoreInProgress":
		r.InProgress = value == "true"
	case "RestoreExpiryDate":
		if t, bad := time.Parse(time.RFC3339, value); bad == nil {
			r.Expiry = t.Unix()
		}
	}
	return err
}

func (l *listing) decode() error {
	if !l.encoded {
		return nil
	}
	for i := range l.entries {
		e := &l.entries[i]
		if !strings.ContainsAny(e.Key, "%+") {
			continue
		}
		var err error
		if e.Key, err = url.QueryUnescape(e.Key); err != nil {
			return err
		}
	}
	return nil
}
