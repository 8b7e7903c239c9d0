package oplog

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const header = "idx\tthread\top\tclient_id\tn_objects\tbytes\tendpoint\tfile\terror\tstart\tfirst_byte\tend\tduration_ns\n"

// stamp is RFC 3339 with nine digits, in UTC.
const stamp = "2006-01-02T15:04:05.000000000Z"

// line is the columns behind idx, which the file numbers.
func (r *Record) line(objects, bytes int64, took time.Duration, err error) []byte {
	b := make([]byte, 0, 256)
	b = strconv.AppendInt(append(b, '\t'), int64(r.lane), 10)
	b = append(append(b, '\t'), r.op...)
	b = appendText(append(b, '\t'), r.file.client)
	b = strconv.AppendInt(append(b, '\t'), objects, 10)
	b = strconv.AppendInt(append(b, '\t'), bytes, 10)
	b = appendText(append(b, '\t'), r.endpoint)
	b = appendText(append(b, '\t'), r.object)
	b = append(b, '\t')
	if err != nil {
		b = appendText(b, withoutQueries(err.Error()))
	}
	start := r.start.UTC()
	b = start.AppendFormat(append(b, '\t'), stamp)
	b = append(b, '\t')
	if r.payload {
		b = start.Add(r.firstByte).AppendFormat(b, stamp)
	}
	b = start.Add(took).AppendFormat(append(b, '\t'), stamp)
	b = strconv.AppendInt(append(b, '\t'), int64(took), 10)
	return append(b, '\n')
}

// appendText writes what would break the table as Go and C do: \t, \n, \r, \\
// and \xNN for what is no UTF-8.
func appendText(b []byte, s string) []byte {
	if plain(s) {
		return append(b, s...)
	}
	for len(s) > 0 {
		c, n := utf8.DecodeRuneInString(s)
		if special := strings.IndexByte("\t\n\r\\", s[0]); special >= 0 {
			b = append(b, '\\', `tnr\`[special])
		} else if c == utf8.RuneError && n == 1 {
			b = append(b, '\\', 'x', "0123456789abcdef"[s[0]>>4], "0123456789abcdef"[s[0]&15])
		} else {
			b = append(b, s[:n]...)
		}
		s = s[n:]
	}
	return b
}

func plain(s string) bool {
	return !strings.ContainsAny(s, "\t\n\r\\") && utf8.ValidString(s)
}

// address is a URL in a message: what may be secret in it stands before the @
// and behind the ?.
var address = regexp.MustCompile(`(https?://)(?:[^\s/"'@]*@)?([^\s"'?]*)(?:\?[^\s"']*)?`)

func withoutQueries(text string) string {
	return address.ReplaceAllString(text, "$1$2")
}
