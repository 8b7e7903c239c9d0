package s3

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	minio "github.com/minio/minio-go/v7/pkg/signer"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
)

// The signatures are those of minio-go, whatever the key and the parameters are.
func TestSignaturesAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		const letters = "abcXYZ019-._~ +%#?&=*'()!@:;,/\\\"é€😀"
		runes := []rune(letters)
		out := make([]rune, r.IntN(n))
		for i := range out {
			out[i] = runes[r.IntN(len(runes))]
		}
		return string(out)
	}
	for range 300 {
		v := &keys{AccessKeyID: "access" + text(5), SecretAccessKey: "secret" + text(20)}
		if r.IntN(2) == 0 {
			v.SessionToken = "token"
		}
		req := &wire.Request{Method: "GET", Host: "host:9000", Target: string(escape(nil, "/bucket/"+text(40), true))}
		if r.IntN(2) == 0 {
			req.Target += "?" + query(param{"prefix", text(20)}, param{"list-type", "2"}, param{"delimiter", "/"})
		}
		theirs, err := http.NewRequest(req.Method, "http://"+req.Host+req.Target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(2) == 0 {
			words := "a" + strings.Repeat(" ", r.IntN(4)) + "b  c"
			req.Header = wire.Header{{Name: "x-amz-checksum-crc32c", Value: "AAAAAA=="}, {Name: "x-amz-meta-words", Value: words}, {Name: "x-amz-acl", Value: "private"}}
			theirs.Header.Set("X-Amz-Checksum-Crc32c", "AAAAAA==")
			theirs.Header.Set("X-Amz-Acl", "private")
			theirs.Header.Set("X-Amz-Meta-Words", words)
		}
		theirs.Header.Set("X-Amz-Content-Sha256", unsigned)
		theirs = minio.SignV4(*theirs, v.AccessKeyID, v.SecretAccessKey, v.SessionToken, "eu-west-3")
		now, err := time.Parse(amzTime, theirs.Header.Get("X-Amz-Date"))
		if err != nil {
			t.Fatal(err)
		}
		s := signer{region: "eu-west-3"}
		s.sign(req, v, unsigned, now)
		if got, want := req.Header.Get("Authorization"), theirs.Header.Get("Authorization"); got != want {
			t.Fatalf("%s\n ours %s\n theirs %s", req.Target, got, want)
		}
	}
}

// The key of the day is renewed with the day and with the secret.
func TestDayKey(t *testing.T) {
	s := signer{region: "r"}
	first := s.dayKey("20260101", "a")
	if s.dayKey("20260101", "a") != first {
		t.Error("the key was not kept")
	}
	if s.dayKey("20260102", "a") == first || s.dayKey("20260102", "b").secret != "b" {
		t.Error("the key of another day or secret was used")
	}
}
