package s3_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func both(t *testing.T, f func(t *testing.T, server *testservers.S3)) {
	t.Run("minio", func(t *testing.T) { f(t, testservers.SharedMinIO(t)) })
	t.Run("versitygw", func(t *testing.T) { f(t, testservers.SharedVersityGW(t)) })
}

// operations are all that touch an object, by name.
func operations(store backend.Backend, data []byte) map[string]func(context.Context, uri.URI) error {
	return map[string]func(context.Context, uri.URI) error{
		"stat": func(ctx context.Context, u uri.URI) error { _, err := store.Stat(ctx, u); return err },
		"get": func(ctx context.Context, u uri.URI) error {
			body, err := store.Open(ctx, u, backend.Whole, "")
			if err != nil {
				return err
			}
			defer body.Close()
			_, err = io.ReadAll(body)
			return err
		},
		"put":    func(ctx context.Context, u uri.URI) error { _, err := store.Put(ctx, u, data, nil); return err },
		"upload": func(ctx context.Context, u uri.URI) error { _, err := store.Create(ctx, u, nil); return err },
		"list": func(ctx context.Context, u uri.URI) error {
			return store.List(ctx, u, true, func([]backend.Entry) error { return nil })
		},
		"mkdir": func(ctx context.Context, u uri.URI) error { return store.Mkdir(ctx, u) },
		"buckets": func(ctx context.Context, _ uri.URI) error {
			return store.ListContainers(ctx, func([]backend.Entry) error { return nil })
		},
	}
}

// object stores something to read.
func object(t *testing.T, server *testservers.S3, data []byte) uri.URI {
	t.Helper()
	u := uri.URI{Scheme: "s3", Container: newBucket(t, server), Key: "dir/object"}
	store := connect(t, settings(server))
	defer store.Close()
	if _, err := store.Put(t.Context(), u, data, nil); err != nil {
		t.Fatal(err)
	}
	return u
}

// A refused client learns that it is its keys, at a large upload too, whose
// body the server does not read to the end; and no text shows a key.
func TestWrongKeys(t *testing.T) {
	both(t, func(t *testing.T, server *testservers.S3) {
		u := object(t, server, []byte("data"))
		for name, change := range map[string]func(env map[string]string){
			"secret":  func(env map[string]string) { env["AWS_SECRET_ACCESS_KEY"] = "wrong-secret-5678" },
			"access":  func(env map[string]string) { env["AWS_ACCESS_KEY_ID"] = "wrong-access-5678" },
			"session": func(env map[string]string) { env["AWS_SESSION_TOKEN"] = "wrong-token-5678" },
		} {
			if name == "session" && server == testservers.SharedVersityGW(t) {
				continue // it has no session tokens, and ignores them
			}
			cfg := settings(server)
			change(cfg.Env)
			store := connect(t, cfg)
			for op, f := range operations(store, make([]byte, 8<<20)) {
				err := f(t.Context(), u)
				var e *errs.Error
				if !errors.As(err, &e) || e.Code != errs.Permission || e.Status/100 != 4 || e.Hint == "" || e.Endpoint != server.Endpoint {
					t.Errorf("wrong %s, %s: %v", name, op, err)
					continue
				}
				text := string(e.JSON())
				for _, part := range []string{"5678", server.SecretKey, "Signature=", "AWS4-HMAC"} {
					if strings.Contains(text, part) {
						t.Errorf("wrong %s, %s: the error shows %q: %s", name, op, part, text)
					}
				}
			}
			store.Close()
		}
	})
}

func TestMissing(t *testing.T) {
	both(t, func(t *testing.T, server *testservers.S3) {
		u := object(t, server, []byte("data"))
		store := connect(t, settings(server))
		defer store.Close()
		bucket := uri.URI{Scheme: "s3", Container: "no-such-bucket", Key: "key"}
		for op, f := range operations(store, nil) {
			if op == "buckets" {
				continue
			}
			err := f(t.Context(), bucket)
			if errs.CodeOf(err) != errs.NotFound || !strings.Contains(err.Error(), `bucket "no-such-bucket" not found`) {
				t.Errorf("%s in a missing bucket: %v", op, err)
			}
		}
		for _, op := range []string{"stat", "get"} {
			err := operations(store, nil)[op](t.Context(), u.WithKey("dir/other"))
			if errs.CodeOf(err) != errs.NotFound || !strings.Contains(err.Error(), "object not found") {
				t.Errorf("%s of a missing object: %v", op, err)
			}
		}
	})
}

func TestKeylessURI(t *testing.T) {
	server := testservers.SharedMinIO(t)
	u := object(t, server, []byte("data"))
	store := connect(t, settings(server))
	defer store.Close()
	bucket := u.WithKey("")
	for op, f := range operations(store, nil) {
		if op == "list" || op == "mkdir" || op == "buckets" {
			continue
		}
		if err := f(t.Context(), bucket); errs.CodeOf(err) != errs.Invalid {
			t.Errorf("%s: %v", op, err)
		}
	}
	if err := store.Delete(t.Context(), bucket); errs.CodeOf(err) != errs.Invalid {
		t.Errorf("delete: %v", err)
	}
	if err := store.DeleteContainer(t.Context(), bucket); errs.CodeOf(err) != errs.Invalid {
		t.Errorf("a bucket with an object in it was deleted: %v", err)
	}
}

func TestWrongRegion(t *testing.T) {
	server := testservers.MinIO(t, testservers.Options{Env: []string{"MINIO_SITE_REGION=eu-central-1"}})
	cfg := settings(server)
	store := connect(t, cfg)
	defer store.Close()
	err := store.List(t.Context(), uri.URI{Scheme: "s3", Container: "bucket"}, true, func([]backend.Entry) error { return nil })
	if errs.CodeOf(err) != errs.Invalid || !strings.Contains(err.Error(), `"eu-central-1"`) {
		t.Errorf("another region: %v", err)
	}
	cfg.Env["AWS_REGION"] = "eu-central-1"
	right := connect(t, cfg)
	defer right.Close()
	if err := right.CreateContainer(t.Context(), uri.URI{Scheme: "s3", Container: "bucket"}); err != nil {
		t.Error(err)
	}
}

func TestNoConnection(t *testing.T) {
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never says anything
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	for name, c := range map[string]struct {
		endpoint string
		code     errs.Code
		hint     string
	}{
		"refused":      {"http://" + testservers.FreeAddr(t), errs.Connection, "Check that a server runs at"},
		"unknown host": {"http://no-such-host.invalid", errs.Connection, "Check the endpoint"},
		"no answer":    {"http://" + deaf.Addr().String(), errs.Timeout, "request_timeout"},
		"no handshake": {"https://" + deaf.Addr().String(), errs.Timeout, "connect_timeout"},
		"no TLS":       {"https://" + testservers.SharedMinIO(t).Addr, errs.Connection, "http://"},
	} {
		cfg := settings(testservers.SharedMinIO(t))
		cfg.Endpoints = []string{c.endpoint}
		cfg.ConnectTimeout, cfg.RequestTimeout = seconds(0.3), seconds(0.3)
		store := connect(t, cfg)
		for _, op := range []string{"get", "put", "list"} {
			err := operations(store, nil)[op](t.Context(), uri.URI{Scheme: "s3", Container: "bucket", Key: "key"})
			var e *errs.Error
			if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Hint, c.hint) || e.Endpoint != c.endpoint {
				t.Errorf("%s: %s: %v", name, op, err)
			}
		}
		store.Close()
	}
}

func seconds(s float64) config.Seconds { return config.Seconds(s * float64(time.Second)) }

func TestNotS3(t *testing.T) {
	page := listen(t, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<html><body></body>\n")
	cfg := settings(testservers.SharedMinIO(t))
	cfg.Endpoints = []string{page}
	store := connect(t, cfg)
	defer store.Close()
	err := store.List(t.Context(), uri.URI{Scheme: "s3", Container: "bucket"}, true, func([]backend.Entry) error { return nil })
	var e *errs.Error
	if !errors.As(err, &e) || e.Code != errs.Server || e.Retryable() {
		t.Errorf("a web page instead of a listing: %v", err)
	}
}

// listen answers every connection's first request with text.
func listen(t *testing.T, text string) (endpoint string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 64<<10))
			io.WriteString(c, text)
			c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}
