package s3

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// An upload that began while it was given up can be aborted; one of which
// nothing is heard is given up.
func TestAnUploadThatIsGivenUpWhileItBegins(t *testing.T) {
	for _, answered := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		var aborted atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete && r.URL.Query().Get("uploadId") == "u1" {
				aborted.Add(1)
				w.WriteHeader(http.StatusNoContent)
				return
			}
			cancel()
			if !answered {
				<-r.Context().Done()
				return
			}
			fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
		}))
		defer server.Close()
		store, err := open(t.Context(), configured("AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "s"), server.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		up, err := store.Create(ctx, bucketURI, nil)
		if !answered {
			if errs.CodeOf(err) != errs.Cancelled {
				t.Errorf("%v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := up.Abort(t.Context()); err != nil || aborted.Load() != 1 {
			t.Errorf("%v, %d aborts", err, aborted.Load())
		}
		if _, err := store.Create(ctx, bucketURI, nil); errs.CodeOf(err) != errs.Cancelled {
			t.Errorf("given up before: %v", err)
		}
	}
}
