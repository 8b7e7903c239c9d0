package testservers

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

func TestServersStart(t *testing.T) {
	for name, endpoint := range map[string]string{
		"minio": SharedMinIO(t).Endpoint, "versitygw": SharedVersityGW(t).Endpoint,
		"proxied": SharedToxiproxy(t).Proxy(t, SharedMinIO(t).Addr).Endpoint,
	} {
		resp, err := http.Get(endpoint)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s answers %s to a request without a signature", name, resp.Status)
		}
	}
}

func TestEmulatorsStart(t *testing.T) {
	for endpoint, want := range map[string]int{
		SharedAzurite(t).Endpoint + "?comp=list":    http.StatusForbidden, // without a signature
		SharedFakeGCS(t).Endpoint + "/storage/v1/b": http.StatusOK,
	} {
		resp, err := http.Get(endpoint)
		if err != nil {
			t.Fatalf("%s: %v", endpoint, err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s answers %s", endpoint, resp.Status)
		}
	}
}

func TestProxyRefuses(t *testing.T) {
	p := SharedToxiproxy(t).Proxy(t, SharedMinIO(t).Addr)
	p.Enable(t, false)
	if resp, err := http.Get(p.Endpoint); err == nil {
		resp.Body.Close()
		t.Error("a closed proxy lets requests through")
	}
	p.Enable(t, true)
	if err := healthy(p.Endpoint+"/minio/health/ready", http.StatusOK); err != nil {
		t.Error(err)
	}
}

func TestMissingServerSaysWhatToDo(t *testing.T) {
	t.Setenv("S3DLIO_TEST_SERVERS", t.TempDir())
	probe := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		binary(probe, "minio")
	}()
	<-done
	if !strings.Contains(probe.text, "make servers") {
		t.Errorf("a missing server is reported as %q", probe.text)
	}
}

// recorder is a test whose fatal errors are kept, not reported.
type recorder struct {
	testing.TB
	text string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.text = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
