package s3

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// S3 may answer 200 to keep the connection alive, and say later that it failed.
func TestAnswersToACopy(t *testing.T) {
	const head = "  \n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	from, to := bucketURI.WithKey("the source"), bucketURI.WithKey("target")
	for _, c := range []struct {
		status    int
		text      string
		code      errs.Code
		concerns  string
		retryable bool
	}{
		{200, head + `<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>`, errs.OK, "", false},
		{200, head + "<Error><Code>InternalError</Code></Error>", errs.Server, to.String(), true},
		{200, head + "<Error><Code>SlowDown</Code></Error>", errs.Throttled, to.String(), true},
		{200, head + "<Error><Code>NoSuchKey</Code></Error>", errs.NotFound, from.String(), false},
		{200, head + "<Error><Code>AccessDenied</Code></Error>", errs.Permission, to.String(), false},
		{200, "", errs.Server, to.String(), false},
		{200, "<html></html>", errs.Server, to.String(), false},
		{412, "<Error><Code>PreconditionFailed</Code></Error>", errs.Changed, from.String(), false},
		{403, "<Error><Code>InvalidObjectState</Code></Error>", errs.Permission, from.String(), false},
		{501, "<Error><Code>NotImplemented</Code></Error>", errs.Unsupported, to.String(), false},
	} {
		var asked http.Header
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Header
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.text)
		}))
		store, err := open(t.Context(), configured("AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "s"), server.URL)
		if err != nil {
			t.Fatal(err)
		}
		copier := store.(*client)
		info, whole := copier.Copy(t.Context(), from, "etag", to)
		up := &upload{c: copier, u: to, id: "u", parts: map[int]part{}}
		inPart := up.CopyPart(t.Context(), 0, from, backend.Range{Offset: 5, Length: 5}, "etag")
		for _, err := range []error{whole, inPart} {
			var e *errs.Error
			if c.code == errs.OK {
				if err != nil || info.ETag != "e" || up.parts[0] != (part{etag: `"e"`, size: 5}) {
					t.Errorf("%v, %+v, %+v", err, info, up.parts)
				}
			} else if !errors.As(err, &e) || e.Code != c.code || e.URI != c.concerns || e.Retryable() != c.retryable || len(up.parts) > 0 {
				t.Errorf("HTTP %d %q: %v", c.status, c.text, err)
			}
		}
		for name, want := range map[string]string{
			"x-amz-copy-source": "/bucket/the%20source", "x-amz-copy-source-if-match": `"etag"`, "x-amz-copy-source-range": "bytes=5-9",
		} {
			if got := asked.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		store.Close()
		server.Close()
	}
}
