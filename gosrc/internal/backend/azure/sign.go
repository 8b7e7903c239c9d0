package azure

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
)

// signer signs requests without a body with the key of an account. Their x-ms
// headers have names of letters and hyphens only: azblob signs what has user
// metadata, whose names have an order of their own.
type signer struct {
	account string
	key     []byte
}

func newSigner(account string, key config.Secret) (*signer, error) {
	text, err := base64.StdEncoding.DecodeString(key.Reveal())
	return &signer{account, text}, err
}

// sign adds the headers that prove who sends req.
func (s *signer) sign(req *wire.Request, now time.Time) {
	req.Header = append(req.Header, wire.Field{Name: "x-ms-date", Value: now.UTC().Format(http.TimeFormat)})
	text := s.text(req)
	mac := hmac.New(sha256.New, s.key)
	mac.Write(text)
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	req.Header = append(req.Header, wire.Field{Name: "authorization", Value: "SharedKey " + s.account + ":" + signature})
}

// text is what is signed: the method, the standard headers (of which only
// If-Match is ever there), those of Azure, and the resource.
func (s *signer) text(req *wire.Request) []byte {
	b := make([]byte, 0, 512)
	b = append(append(b, req.Method...), "\n\n\n\n\n\n\n\n"...)
	b = append(append(b, req.Header.Get("if-match")...), "\n\n\n\n"...)
	var few [8]wire.Field
	fields := few[:0]
	for _, f := range req.Header {
		if strings.HasPrefix(f.Name, "x-ms-") {
			fields = append(fields, f)
		}
	}
	slices.SortFunc(fields, func(a, b wire.Field) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range fields {
		b = append(append(append(append(b, f.Name...), ':'), f.Value...), '\n')
	}
	path, query, _ := strings.Cut(req.Target, "?")
	b = append(append(append(b, '/'), s.account...), path...)
	return appendQuery(b, query)
}

// appendQuery adds the parameters in the order of their names, decoded.
func appendQuery(b []byte, query string) []byte {
	if query == "" {
		return b
	}
	values, err := url.ParseQuery(query)
	if err != nil { // it was made here
		return b
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b = append(append(append(append(b, '\n'), name...), ':'), values.Get(name)...)
	}
	return b
}
