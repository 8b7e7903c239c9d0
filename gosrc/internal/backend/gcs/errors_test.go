package gcs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Every outcome is of use to the caller: a message, and a code that is one.
func TestOutcomes(t *testing.T) {
	for reason, o := range reasons {
		if o.msg == "" || o.code <= errs.OK || o.code >= errs.Count {
			t.Errorf("%s: %+v", reason, o)
		}
	}
	for _, c := range []struct {
		op, reason, message string
		status              int
		want                errs.Code
	}{
		{"get", "forbidden", "", 403, errs.Permission}, {"get", "", "", 403, errs.Permission}, {"get", "authError", "", 401, errs.Permission},
		{"get", "accountDisabled", "The billing account is disabled", 403, errs.Permission}, {"get", "userProjectMissing", "", 400, errs.Permission},
		{"get", "rateLimitExceeded", "", 403, errs.Throttled}, {"get", "", "", 429, errs.Throttled}, {"get", "backendError", "", 503, errs.Throttled},
		{"get", "backendError", "", 500, errs.Server}, {"get", "", "", 502, errs.Server}, {"get", "", "", 408, errs.Timeout},
		{"get", "conditionNotMet", "", 412, errs.Changed}, {"get", "", "", 416, errs.OutOfRange}, {"put", "", "", 410, errs.NotFound}, {"put", "", "", 499, errs.NotFound},
		{"put", "orgPolicyConstraintFailed", "", 412, errs.Permission}, {"put", "", "", 413, errs.Invalid}, {"put", "", "", 308, errs.Invalid},
		{"put", "invalid", `Provided CRC32C "x" doesn't match`, 400, errs.Server}, {"put", "invalid", "Invalid storage class", 400, errs.Invalid},
		{"get", "required", "Bucket is requester pays bucket but no user project provided.", 400, errs.Permission},
		{"put", "conflict", "The metadata for object \"a\" was edited during the operation. Please try again.", 409, errs.Throttled},
		{"create_container", "conflict", "", 409, errs.AlreadyExists}, {"delete_container", "conflict", "", 409, errs.Invalid},
		{"get", "odd", "", 418, errs.Invalid}, {"get", "", "", 301, errs.Invalid}, {"get", "", "", 407, errs.Permission},
	} {
		if got := outcomeOf(c.op, c.status, said{reason: c.reason, message: c.message}); got.code != c.want {
			t.Errorf("%+v: %v", c, got.code)
		}
	}
}

// double is a client without credentials of a server that answers everything alike.
func double(t *testing.T, answer http.HandlerFunc) *client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	cfg := configured()
	cfg.Anonymous = true
	store, err := open(t.Context(), cfg, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store.(*client)
}

// What the service says arrives: its reason, its words, the request's name, when to come again.
func TestRefusal(t *testing.T) {
	c := double(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-GUploader-UploadID", "request-1")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"error":{"code":429,"message":"The rate is too high","errors":[{"domain":"usageLimits","reason":"rateLimitExceeded","message":"x"}]}}`)
	})
	_, err := c.Stat(t.Context(), objectURI)
	var e *errs.Error
	if !errors.As(err, &e) || e.Code != errs.Throttled || e.Status != 429 || e.RequestID != "request-1" || e.Retry.AfterSeconds != 7 ||
		e.Endpoint != c.endpoint.String() || !strings.Contains(e.Msg, "rateLimitExceeded: The rate is too high") {
		t.Errorf("%+v", e)
	}
}

// Whose requester pays, as the service says it: the hint names the way to a payer.
func TestRequesterPays(t *testing.T) {
	const message = "Bucket is a requester pays bucket but no user project provided."
	c := double(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		if r.URL.Query().Get("alt") == "media" {
			fmt.Fprint(w, message)
			return
		}
		fmt.Fprintf(w, `{"error":{"code":400,"message":%q,"errors":[{"domain":"global","reason":"required","message":%q}]}}`, message, message)
	})
	_, stat := c.Stat(t.Context(), objectURI)
	_, get := c.Open(t.Context(), objectURI, backend.Whole, "")
	for _, err := range []error{stat, get} {
		if errs.CodeOf(err) != errs.Permission || !strings.Contains(err.Error(), "GOOGLE_CLOUD_QUOTA_PROJECT") || !strings.Contains(err.Error(), message) {
			t.Error(err)
		}
	}
}

// The service names a session in all its answers there; whoever has the name may write the object.
func TestSessionIsSecret(t *testing.T) {
	c := double(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-GUploader-UploadID", "secret5678")
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "http://"+r.Host+"/upload/storage/v1/b/bucket/o?uploadType=resumable&upload_id=secret5678")
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	up, err := c.Create(t.Context(), objectURI, nil)
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, up.PartSize(quantum))
	e := errs.From(up.WritePart(t.Context(), 0, part), "", "")
	if e == nil || e.Status != http.StatusServiceUnavailable || strings.Contains(string(e.JSON()), "5678") {
		t.Errorf("%+v", e)
	}
}

// A session that takes nothing of a chunk is asked to once more.
func TestSessionTakesNothing(t *testing.T) {
	c := double(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "http://"+r.Host+"/upload/storage/v1/b/bucket/o?uploadType=resumable&upload_id=1")
			return
		}
		w.WriteHeader(http.StatusPermanentRedirect)
	})
	up, err := c.Create(t.Context(), objectURI, nil)
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, up.PartSize(quantum))
	_, commit := up.Commit(t.Context(), 0)
	for _, err := range []error{up.WritePart(t.Context(), 0, part), commit} {
		if errs.CodeOf(err) != errs.Server || !errs.From(err, "", "").Retryable() {
			t.Error(err)
		}
	}
}

// Without credentials a refusal says so.
func TestAnonymousRefused(t *testing.T) {
	c := double(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, "Anonymous caller does not have storage.objects.get access to the object.")
	})
	_, err := c.Open(t.Context(), objectURI, backend.Whole, "")
	if errs.CodeOf(err) != errs.Permission || !strings.Contains(err.Error(), "Anonymous caller") || !strings.Contains(err.Error(), "anonymous out") {
		t.Error(err)
	}
}

// Another kind of server at the address is called what it is.
func TestForeignServer(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a page for everything": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>welcome</html>") },
		"not found":             func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>404</html>", http.StatusNotFound) },
	} {
		c := double(t, answer)
		_, stat := c.Stat(t.Context(), objectURI)
		_, get := c.Open(t.Context(), objectURI, backend.Whole, "")
		_, put := c.Put(t.Context(), objectURI, nil, nil)
		list := c.List(t.Context(), objectURI, true, func([]backend.Entry) error { return nil })
		for op, err := range map[string]error{"stat": stat, "get": get, "put": put, "list": list} {
			if !strings.Contains(fmt.Sprint(err), "not that of Google Cloud Storage") || errs.From(err, "", "").Retryable() {
				t.Errorf("%s, %s: %v", name, op, err)
			}
		}
	}
}

// A missing bucket is told from a missing object, and asked for only once.
func TestWhatIsMissing(t *testing.T) {
	server := testservers.SharedFakeGCS(t)
	store, err := open(t.Context(), configured(emulatorVariable, server.Addr), server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	u := uri.URI{Scheme: "gs", Container: "what-is-missing", Key: "key"}
	_, stat := store.Stat(t.Context(), u)
	_, get := store.Open(t.Context(), u, backend.Whole, "")
	for _, err := range []error{stat, get, store.Delete(t.Context(), u)} {
		if errs.CodeOf(err) != errs.NotFound || !strings.Contains(err.Error(), `bucket "what-is-missing" not found`) {
			t.Error(err)
		}
	}
	if err := store.CreateContainer(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	_, stat = store.Stat(t.Context(), u)
	_, get = store.Open(t.Context(), u, backend.Whole, "")
	for _, err := range []error{stat, get} {
		if errs.CodeOf(err) != errs.NotFound || !strings.Contains(err.Error(), "object not found") {
			t.Error(err)
		}
	}
	if err := store.Delete(t.Context(), u); err != nil {
		t.Error(err)
	}
}

// Objects come as they are stored, with the sizes that listings have.
func TestGzipIsNotUnpacked(t *testing.T) {
	const stored = "\x1f\x8b not really, but it says so"
	c := double(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Goog-Generation", "7")
		w.Header().Set("X-Goog-Stored-Content-Length", fmt.Sprint(len(stored)))
		if r.Header.Get("Accept-Encoding") != "gzip" {
			fmt.Fprint(w, "unpacked")
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		fmt.Fprint(w, stored)
	})
	body, err := c.Open(t.Context(), objectURI, backend.Whole, "")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if body.Info().Size != int64(len(stored)) || body.Len() != int64(len(stored)) {
		t.Errorf("%+v", body.Info())
	}
	other := double(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Goog-Generation", "7")
		w.Header().Set("X-Goog-Stored-Content-Length", "5")
		fmt.Fprint(w, "unpacked")
	})
	if _, err := other.Open(t.Context(), objectURI, backend.Whole, ""); errs.CodeOf(err) != errs.Server {
		t.Errorf("unpacked on the way: %v", err)
	}
}

// What has the Content-Encoding gzip and is not small comes in chunks, which do not say how many bytes they are.
func TestGzipInChunks(t *testing.T) {
	data := backendtest.Content(1, 100_000)
	answer := "gzip"
	c := double(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Goog-Generation", "7")
		h.Set("X-Goog-Stored-Content-Encoding", "gzip")
		h.Set("X-Goog-Stored-Content-Length", fmt.Sprint(len(data)))
		h.Set("Transfer-Encoding", "chunked")
		if answer != "" {
			h.Set("Content-Encoding", answer)
		}
		from, to := 0, len(data)
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err == nil {
			to++
			h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(data)))
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(data[from:to])
	})
	for _, r := range []backend.Range{backend.Whole, {Offset: 0, Length: 10}, {Offset: 70_000, Length: 20_000}} {
		body, err := c.Open(t.Context(), objectURI, r, "")
		if err != nil {
			t.Fatal(err)
		}
		from, to, _ := r.Cut("get", objectURI, int64(len(data)))
		got, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(got, data[from:to]) || body.Len() != to-from || body.Info().Size != int64(len(data)) {
			t.Errorf("%+v: %d bytes, %+v, %v", r, len(got), body.Info(), err)
		}
		body.Close()
	}
	answer = "" // unpacked on the way all the same
	if _, err := c.Open(t.Context(), objectURI, backend.Whole, ""); errs.CodeOf(err) != errs.Server {
		t.Errorf("unpacked: %v", err)
	}
}

// All that the service wants escaped in a path is.
func TestEscaped(t *testing.T) {
	const key = "a/b c+d!#$&'()*,:;=?@[]%-_.~\x7fé"
	const want = "/storage/v1/b/bucket/o/a%2Fb%20c%2Bd%21%23%24%26%27%28%29%2A%2C%3A%3B%3D%3F%40%5B%5D%25-_.~%7F%C3%A9"
	if got := objectPath("", objectURI.WithKey(key)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Buckets are made in a project; without one the error says how to name it.
func TestProject(t *testing.T) {
	c := double(t, nil)
	c.account = &account{}
	if err := c.CreateContainer(t.Context(), objectURI); errs.CodeOf(err) != errs.Invalid || !strings.Contains(err.Error(), "GOOGLE_CLOUD_PROJECT") {
		t.Error(err)
	}
	for _, given := range []struct{ option, file, want string }{{"", "file", "file"}, {"option", "file", "option"}} {
		c.project, c.account.project = given.option, given.file
		if query, err := c.inProject(t.Context(), "list", objectURI); err != nil || query.Get("project") != given.want {
			t.Errorf("%+v: %v, %v", given, query, err)
		}
	}
}
