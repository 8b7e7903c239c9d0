package testservers

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// S3 is a running S3 server.
type S3 struct {
	Endpoint             string // base URL
	Addr                 string // host:port
	AccessKey, SecretKey string
	*process
}

// Env holds the server's credentials as the variables that clients read.
func (s *S3) Env() map[string]string {
	return map[string]string{"AWS_ACCESS_KEY_ID": s.AccessKey, "AWS_SECRET_ACCESS_KEY": s.SecretKey}
}

// Stop ends the server before its lifetime does.
func (s *S3) Stop() { s.stop() }

// Options vary a server; the zero value is the usual one.
type Options struct {
	Addr  string   // host:port; empty: a free port
	Certs string   // MinIO: folder with public.crt and private.key, which makes it speak TLS
	Env   []string // further variables, as NAME=value
}

// MinIO starts a MinIO server for the duration of a test.
func MinIO(tb testing.TB, o Options) *S3 {
	tb.Helper()
	return minio(testLifetime(tb), o)
}

func minio(l lifetime, o Options) *S3 {
	l.Helper()
	s := newS3(l, &o)
	args := []string{"server", "--quiet", "--address", s.Addr}
	if o.Certs != "" {
		s.Endpoint = "https://" + s.Addr
		args = append(args, "--certs-dir", o.Certs)
	}
	env := append([]string{
		"MINIO_ROOT_USER=" + s.AccessKey, "MINIO_ROOT_PASSWORD=" + s.SecretKey,
		"MINIO_BROWSER=off", "MINIO_UPDATE=off", "GOMAXPROCS=2",
	}, o.Env...)
	s.process = start(l, "minio", append(args, subdir(l, "minio")), env, func() error {
		if err := healthy(s.Endpoint+"/minio/health/cluster", http.StatusOK); err != nil {
			return err
		}
		return healthy(s.Endpoint, http.StatusForbidden) // 503 while it initialises itself
	})
	return s
}

// VersityGW starts a versitygw server, which keeps objects as files, for the
// duration of a test. Unlike MinIO it closes the connection after every answer.
func VersityGW(tb testing.TB, o Options) *S3 {
	tb.Helper()
	return versitygw(testLifetime(tb), o)
}

func versitygw(l lifetime, o Options) *S3 {
	l.Helper()
	s := newS3(l, &o)
	args := []string{"--port", s.Addr, "--quiet", "--health", "/health", "posix",
		"--disableotmp"} // without it, an object being replaced is listed under its temporary name, too
	data := subdir(l, "versitygw")
	if err := unix.Setxattr(data, "user.s3dlio", []byte("1"), 0); err != nil {
		// It keeps metadata in extended attributes, where the filesystem has them.
		args = append(args, "--sidecar", subdir(l, "versitygw-metadata"))
	}
	env := append([]string{"ROOT_ACCESS_KEY_ID=" + s.AccessKey, "ROOT_SECRET_ACCESS_KEY=" + s.SecretKey, "GOMAXPROCS=2"}, o.Env...)
	s.process = start(l, "versitygw", append(args, data), env, func() error {
		return healthy(s.Endpoint+"/health", http.StatusOK)
	})
	return s
}

func newS3(l lifetime, o *Options) *S3 {
	l.Helper()
	if o.Addr == "" {
		o.Addr = FreeAddr(l)
	}
	return &S3{Endpoint: "http://" + o.Addr, Addr: o.Addr, AccessKey: "test-access", SecretKey: "test-secret-1234"}
}

func subdir(l lifetime, name string) string {
	l.Helper()
	dir, err := os.MkdirTemp(l.dir, filepath.Base(name)+"-")
	if err != nil {
		l.Fatal(err)
	}
	return dir
}

// healthy asks a server whether it is up; its certificate is not the matter here.
func healthy(url string, want int) error {
	client := http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != want {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}
