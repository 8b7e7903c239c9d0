package s3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
)

// signer signs requests with AWS Signature Version 4. It keeps the key of the
// day, which costs more than the signature itself.
type signer struct {
	region string
	key    atomic.Pointer[dayKey]
}

type dayKey struct {
	day, secret string
	scope       string // day/region/s3/aws4_request
	key         []byte
}

const (
	unsigned  = "UNSIGNED-PAYLOAD"
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	amzTime   = "20060102T150405Z"
)

// sign adds the headers that prove who sends req. payload is the hexadecimal
// SHA-256 of the body, or unsigned. The target must be in canonical form: as
// escapePath and query make it.
func (s *signer) sign(req *wire.Request, v *keys, payload string, now time.Time) {
	stamp := now.UTC().Format(amzTime)
	req.Header = append(req.Header, wire.Field{Name: "x-amz-content-sha256", Value: payload}, wire.Field{Name: "x-amz-date", Value: stamp})
	if v.SessionToken != "" {
		req.Header = append(req.Header, wire.Field{Name: "x-amz-security-token", Value: v.SessionToken})
	}
	key := s.dayKey(stamp[:8], v.SecretAccessKey)

	var few [12]wire.Field
	fields := append(few[:0], wire.Field{Name: "host", Value: req.Host})
	for _, f := range req.Header {
		if strings.HasPrefix(f.Name, "x-amz-") {
			fields = append(fields, f)
		}
	}
	slices.SortFunc(fields, func(a, b wire.Field) int { return strings.Compare(a.Name, b.Name) })

	canonical := make([]byte, 0, 1024)
	path, query, _ := strings.Cut(req.Target, "?")
	canonical = join(canonical, req.Method, "\n", path, "\n", query, "\n")
	for _, f := range fields {
		canonical = join(canonical, f.Name, ":", singleSpaced(f.Value), "\n")
	}
	canonical = append(canonical, '\n')
	names := len(canonical)
	for i, f := range fields {
		if i > 0 {
			canonical = append(canonical, ';')
		}
		canonical = append(canonical, f.Name...)
	}
	signed := string(canonical[names:])
	canonical = join(canonical, "\n", payload)
	digest := sha256.Sum256(canonical)

	text := join(canonical[:0], "AWS4-HMAC-SHA256\n", stamp, "\n", key.scope, "\n")
	text = hex.AppendEncode(text, digest[:])
	signature := hex.EncodeToString(mac(key.key, text))
	req.Header = append(req.Header, wire.Field{Name: "authorization", Value: "AWS4-HMAC-SHA256 Credential=" + v.AccessKeyID + "/" + key.scope +
		", SignedHeaders=" + signed + ", Signature=" + signature})
}

// singleSpaced is a value as it is signed: with one space where there are more.
func singleSpaced(value string) string {
	if !strings.Contains(value, "  ") {
		return value
	}
	return strings.Join(strings.Fields(value), " ")
}

func (s *signer) dayKey(day, secret string) *dayKey {
	if k := s.key.Load(); k != nil && k.day == day && k.secret == secret {
		return k
	}
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, s.region, "s3", "aws4_request"} {
		key = mac(key, []byte(part))
	}
	k := &dayKey{day, secret, day + "/" + s.region + "/s3/aws4_request", key}
	s.key.Store(k)
	return k
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

func join(b []byte, parts ...string) []byte {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}
