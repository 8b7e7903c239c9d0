package s3

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// minioClient is a client of the shared MinIO that shows its inside.
func minioClient(t *testing.T, change func(*config.Config)) *client {
	t.Helper()
	server := testservers.SharedMinIO(t)
	cfg := config.Default()
	cfg.Env = server.Env()
	if change != nil {
		change(&cfg)
	}
	store, err := open(t.Context(), &cfg, server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store.(*client)
}

func TestAnonymous(t *testing.T) {
	c := minioClient(t, nil)
	anonymous := minioClient(t, func(cfg *config.Config) { cfg.Anonymous = true })
	u := uri.URI{Scheme: "s3", Container: "public-bucket", Key: "key"}
	if err := c.CreateContainer(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), u, []byte("data"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := anonymous.Stat(t.Context(), u); errs.CodeOf(err) != errs.Permission {
		t.Errorf("of a private bucket: %v", err)
	}
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::public-bucket/*"}]}`
	if err := c.finish(t.Context(), &call{op: "policy", u: u, method: http.MethodPut, query: "policy=", body: []byte(policy)}); err != nil {
		t.Fatal(err)
	}
	if info, err := anonymous.Stat(t.Context(), u); err != nil || info.Size != 4 {
		t.Errorf("of a public bucket: %+v, %v", info, err)
	}
}

func TestClockSkew(t *testing.T) {
	c := minioClient(t, nil)
	v, err := c.keys.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := &call{op: "list_containers", method: http.MethodGet}
	req := &wire.Request{Method: r.method}
	req.Host, req.Target = c.address(r)
	c.signer.sign(req, &v.Value, emptyHash, time.Now().Add(-time.Hour))
	resp, err := c.wire.Do(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	e := c.refusal(t.Context(), r, resp, v).Error
	if e.Code != errs.Permission || !strings.Contains(e.Hint, "clock") {
		t.Errorf("a request of an hour ago: %v", e)
	}
}

// What a server says is not passed on with a credential in it.
func TestRedaction(t *testing.T) {
	v := &keys{AccessKeyID: "AKIA5678", SecretAccessKey: "secret5678", SessionToken: "token5678"}
	if got := redact("a AKIA5678 b secret5678 c token5678 d", v); strings.Contains(got, "5678") || !strings.HasPrefix(got, "a ") {
		t.Error(got)
	}
}

// Credentials that another program has renewed are used as soon as the service
// takes the old ones for expired.
func TestExpiredCredentialsAreReplaced(t *testing.T) {
	const refusal = `<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "Credential=old/") {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, refusal)
			return
		}
		w.Header().Set("ETag", `"x"`)
		fmt.Fprint(w, "data")
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "credentials")
	write := func(id string) {
		if err := os.WriteFile(file, []byte("[default]\naws_access_key_id="+id+"\naws_secret_access_key=s\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	store, err := open(t.Context(), configured("AWS_SHARED_CREDENTIALS_FILE", file), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Open(t.Context(), bucketURI, backend.Whole, ""); errs.CodeOf(err) != errs.Permission || !strings.Contains(err.Error(), "expired") {
		t.Errorf("with expired credentials: %v", err)
	}
	write("new")
	body, err := store.Open(t.Context(), bucketURI, backend.Whole, "")
	if err != nil {
		t.Fatal(err)
	}
	body.Close()
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]float64{"": 0, "7": 7, "0.5": 0.5, "-1": 0, "soon": 0} {
		if got := web.RetryAfter(value); got != want {
			t.Errorf("%q: %v s, want %v", value, got, want)
		}
	}
	if got := web.RetryAfter(time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)); got < 1800 || got > 3600 {
		t.Errorf("a date an hour ahead: %v s", got)
	}
}

// Every outcome is of use to the caller: a message, and a code that is one.
func TestOutcomes(t *testing.T) {
	for code, o := range outcomes {
		if o.Msg == "" || o.Code <= errs.OK || o.Code >= errs.Count {
			t.Errorf("%s: %+v", code, o)
		}
	}
	for _, c := range []struct {
		code   string
		status int
		want   errs.Code
	}{
		{"SlowDown", 503, errs.Throttled}, {"", 503, errs.Throttled}, {"", 429, errs.Throttled}, {"", 500, errs.Server}, {"", 502, errs.Server},
		{"InternalError", 200, errs.Server}, {"Odd", 404, errs.NotFound}, {"Odd", 400, errs.Invalid}, {"Odd", 418, errs.Invalid},
		{"", 301, errs.Invalid}, {"PreconditionFailed", 412, errs.Changed}, {"", 507, errs.NoSpace}, {"RequestTimeout", 400, errs.Timeout},
	} {
		if got := outcomeOf(c.code, c.status); got.Code != c.want {
			t.Errorf("%q, HTTP %d: %v, want %v", c.code, c.status, got.Code, c.want)
		}
	}
}
