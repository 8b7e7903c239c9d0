package gcs

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// A copy to another place takes several requests, each of which goes on where the last one ended.
func TestCopyGoesOn(t *testing.T) {
	var asked []string
	c := double(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		asked = append(asked, r.URL.EscapedPath()+" "+q.Get("ifSourceGenerationMatch")+" "+q.Get("rewriteToken"))
		if len(asked) < 3 {
			fmt.Fprintf(w, `{"done": false, "rewriteToken": "token-%d", "totalBytesRewritten": "1048576"}`, len(asked))
			return
		}
		fmt.Fprint(w, `{"done": true, "resource": {"name": "a copy", "size": "7", "generation": "99"}}`)
	})
	info, err := c.Copy(t.Context(), objectURI, "42", objectURI.WithKey("a/copy"))
	if err != nil || info.ETag != "99" || info.Size != 7 {
		t.Errorf("%+v, %v", info, err)
	}
	const path = "/storage/v1/b/bucket/o/key/rewriteTo/b/bucket/o/a%2Fcopy 42 "
	if got := strings.Join(asked, ", "); got != path+", "+path+"token-1, "+path+"token-2" {
		t.Errorf("asked %s", got)
	}
	if _, err := c.Copy(t.Context(), uri.URI{Scheme: "gs", Container: "a?b", Key: "key"}, "", objectURI); errs.CodeOf(err) != errs.Invalid || len(asked) != 3 {
		t.Errorf("from a bucket that cannot be: %v", err)
	}
	lost := double(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"done": false}`) })
	if _, err := lost.Copy(t.Context(), objectURI, "", objectURI.WithKey("copy")); errs.CodeOf(err) != errs.Server {
		t.Errorf("a copy that does not go on: %v", err)
	}
}

// A copy that breaks off goes on, when it is tried again, from what has been copied.
func TestCopyBreaksOff(t *testing.T) {
	var asked []string
	c := double(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("rewriteToken"))
		switch len(asked) {
		case 1:
			fmt.Fprint(w, `{"done": false, "rewriteToken": "token-1"}`)
		case 2, 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			fmt.Fprint(w, `{"done": true, "resource": {"name": "a copy", "size": "7", "generation": "99"}}`)
		}
	})
	for _, further := range []bool{true, false} {
		_, err := c.Copy(t.Context(), objectURI, "42", objectURI.WithKey("copy"))
		if e := errs.From(err, "", ""); e == nil || !e.Retryable() || e.Retry.Further != further || e.Endpoint == "" {
			t.Errorf("%+v", e)
		}
	}
	for range 2 {
		if _, err := c.Copy(t.Context(), objectURI, "42", objectURI.WithKey("copy")); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(asked, ","); got != ",token-1,token-1,token-1," {
		t.Errorf("asked with %s", got)
	}
}
