package s3

import (
	"errors"
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
	s := scanner{rest: text}
	root, err := s.open()
	if err != nil {
		return l, err
	}
	if root != "ListBucketResult" {
		return l, fmt.Errorf("%q instead of ListBucketResult", root)
	}
	if err := s.each(l.element); err != nil {
		return l, err
	}
	return l, l.decode()
}

func (l *listing) element(name string, s *scanner) (err error) {
	var value string
	switch name {
	case "Contents":
		e := backend.Entry{}
		if err = s.each(func(name string, s *scanner) error { return object(&e, name, s) }); err == nil {
			l.entries = append(l.entries, e)
		}
	case "CommonPrefixes":
		e := backend.Entry{Size: -1}
		if err = s.each(func(name string, s *scanner) error { return object(&e, name, s) }); err == nil {
			l.entries = append(l.entries, e)
		}
	case "IsTruncated":
		value, err = s.text()
		l.truncated = value == "true"
	case "NextContinuationToken":
		l.next, err = s.text()
	case "EncodingType":
		value, err = s.text()
		l.encoded = value == "url"
	default:
		err = s.skip()
	}
	return err
}

func object(e *backend.Entry, name string, s *scanner) (err error) {
	var value string
	switch name {
	case "Key", "Prefix":
		e.Key, err = s.text()
	case "Size":
		if value, err = s.text(); err == nil {
			e.Size, err = strconv.ParseInt(value, 10, 64)
		}
	case "ETag":
		value, err = s.text()
		e.ETag = web.Unquote(value)
	case "RestoreStatus":
		e.Restore = &backend.Restore{}
		err = s.each(func(name string, s *scanner) error { return restored(e.Restore, name, s) })
	case "StorageClass":
		e.StorageClass, err = s.text()
	case "LastModified":
		if value, err = s.text(); err == nil {
			e.ModTime, err = time.Parse(time.RFC3339, value)
		}
	default:
		err = s.skip()
	}
	return err
}

func restored(r *backend.Restore, name string, s *scanner) error {
	value, err := s.text()
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

// scanner reads elements one after the other.
type scanner struct {
	rest  string
	empty bool // the element just opened has no content: its end is next
}

var errXML = errors.New("malformed XML")

// open reads up to and including the next start tag; "" and no error is an end
// tag. An element without content counts as one with an end tag behind it.
func (s *scanner) open() (name string, err error) {
	if s.empty {
		s.empty = false
		return "", nil
	}
	for {
		_, after, ok := strings.Cut(s.rest, "<")
		tag, rest, ok2 := strings.Cut(after, ">")
		if !ok || !ok2 || tag == "" {
			return "", errXML
		}
		switch {
		case tag[0] == '?':
			s.rest = rest
		case strings.HasPrefix(tag, "!--"):
			if _, s.rest, ok = strings.Cut(after, "-->"); !ok {
				return "", errXML
			}
		case tag[0] == '!':
			return "", errXML
		case tag[0] == '/':
			s.rest = rest
			return "", nil
		case strings.HasSuffix(tag, "/"):
			s.rest, s.empty = rest, true
			return tagName(tag[:len(tag)-1]), nil
		default:
			s.rest = rest
			return tagName(tag), nil
		}
	}
}

// tagName is the name of an element without attributes and namespace prefix.
func tagName(tag string) string {
	if i := strings.IndexAny(tag, " \t\r\n"); i >= 0 {
		tag = tag[:i]
	}
	return tag[strings.IndexByte(tag, ':')+1:]
}

// each calls f for every element up to the end of the one just opened; f reads
// the element to its end.
func (s *scanner) each(f func(name string, s *scanner) error) error {
	for {
		name, err := s.open()
		if err != nil || name == "" {
			return err
		}
		if err := f(name, s); err != nil {
			return err
		}
	}
}

// text reads an element that holds text only.
func (s *scanner) text() (string, error) {
	if s.empty {
		s.empty = false
		return "", nil
	}
	text, rest, ok := strings.Cut(s.rest, "<")
	_, rest, ok2 := strings.Cut(rest, ">")
	if !ok || !ok2 || !strings.HasPrefix(s.rest[len(text):], "</") {
		return "", errXML
	}
	s.rest = rest
	return unescapeXML(text)
}

// skip reads to the end of an element, whatever is in it.
func (s *scanner) skip() error {
	for depth := 1; depth > 0; {
		name, err := s.open()
		if err != nil {
			return err
		}
		if name == "" {
			depth--
		} else {
			depth++
		}
	}
	return nil
}

var entities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": `"`, "apos": "'"}

// unescapeXML replaces entities.
func unescapeXML(text string) (string, error) {
	if inner, ok := strings.CutPrefix(text, "&quot;"); ok { // an ETag: without a copy
		if inner, ok = strings.CutSuffix(inner, "&quot;"); ok && !strings.Contains(inner, "&") {
			return inner, nil
		}
	}
	before, rest, found := strings.Cut(text, "&")
	if !found {
		return text, nil
	}
	var b strings.Builder
	for ; found; before, rest, found = strings.Cut(rest, "&") {
		b.WriteString(before)
		name, behind, ok := strings.Cut(rest, ";")
		if !ok {
			return "", errXML
		}
		value, known := entities[name]
		if !known {
			var err error
			if value, err = character(name); err != nil {
				return "", err
			}
		}
		b.WriteString(value)
		rest = behind
	}
	b.WriteString(before)
	return b.String(), nil
}

// character is what "#65" or "#x41" stands for.
func character(name string) (string, error) {
	digits, base := strings.TrimPrefix(name, "#"), 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	r, err := strconv.ParseUint(digits, base, 21)
	if err != nil || !strings.HasPrefix(name, "#") {
		return "", errXML
	}
	return string(rune(r)), nil
}
