package web

import (
	"errors"
	"strconv"
	"strings"
)

// Scanner reads the elements of an XML document one after the other: the little
// of XML that the answers of stores consist of. encoding/xml takes five times as
// long as everything else about a listing. What it returns shares the memory of
// the text.
type Scanner struct {
	// Attributes are those of the element opened last, as they stand there.
	Attributes string

	rest  string
	empty bool // the element just opened has no content: its end is next
}

// NewScanner reads a text from its beginning.
func NewScanner(text string) Scanner { return Scanner{rest: text} }

var errXML = errors.New("malformed XML")

// Open reads up to and including the next start tag; "" and no error is an end
// tag. An element without content counts as one with an end tag behind it.
func (s *Scanner) Open() (name string, err error) {
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
			return s.name(tag[:len(tag)-1]), nil
		default:
			s.rest = rest
			return s.name(tag), nil
		}
	}
}

// name is that of an element without its namespace prefix.
func (s *Scanner) name(tag string) string {
	s.Attributes = ""
	if i := strings.IndexAny(tag, " \t\r\n"); i >= 0 {
		tag, s.Attributes = tag[:i], tag[i+1:]
	}
	return tag[strings.IndexByte(tag, ':')+1:]
}

// Each calls f for every element up to the end of the one just opened; f reads
// the element to its end.
func (s *Scanner) Each(f func(name string, s *Scanner) error) error {
	for {
		name, err := s.Open()
		if err != nil || name == "" {
			return err
		}
		if err := f(name, s); err != nil {
			return err
		}
	}
}

// Text reads an element that holds text only.
func (s *Scanner) Text() (string, error) {
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

// Skip reads to the end of an element, whatever is in it.
func (s *Scanner) Skip() error {
	for depth := 1; depth > 0; {
		name, err := s.Open()
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
