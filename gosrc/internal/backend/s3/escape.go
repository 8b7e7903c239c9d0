package s3

import (
	"slices"
	"strings"
)

// plain are the characters that S3 leaves as they are when it signs.
var plain = func() (set [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") {
		set[c] = true
	}
	return set
}()

// escape percent-encodes s; a '/' stays where slash is true.
func escape(b []byte, s string, slash bool) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; plain[c] || slash && c == '/' {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// param is one parameter of a query.
type param struct{ name, value string }

// query encodes parameters in the order in which they are signed.
func query(params ...param) string {
	slices.SortFunc(params, func(a, b param) int { return strings.Compare(a.name, b.name) })
	var b []byte
	for i, p := range params {
		if i > 0 {
			b = append(b, '&')
		}
		b = escape(b, p.name, false)
		b = append(b, '=')
		b = escape(b, p.value, false)
	}
	return string(b)
}
