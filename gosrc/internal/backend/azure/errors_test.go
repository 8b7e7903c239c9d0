package azure_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// operations are all that reach the service, by name.
func operations(store backend.Backend) map[string]func(context.Context, uri.URI) error {
	return map[string]func(context.Context, uri.URI) error{
		"stat": func(ctx context.Context, u uri.URI) error { _, err := store.Stat(ctx, u); return err },
		"get": func(ctx context.Context, u uri.URI) error {
			body, err := store.Open(ctx, u, backend.Range{Offset: 1, Length: 2}, "")
			if err != nil {
				return err
			}
			defer body.Close()
			_, err = io.ReadAll(body)
			return err
		},
		"put": func(ctx context.Context, u uri.URI) error {
			_, err := store.Put(ctx, u, []byte("new"), nil)
			return err
		},
		"part": func(ctx context.Context, u uri.URI) error {
			up, err := store.Create(ctx, u, nil)
			if err != nil {
				return err
			}
			return up.WritePart(ctx, 0, []byte("new"))
		},
		"list": func(ctx context.Context, u uri.URI) error {
			return store.List(ctx, u, true, func([]backend.Entry) error { return nil })
		},
		"mkdir": func(ctx context.Context, u uri.URI) error { return store.Mkdir(ctx, u) },
		"containers": func(ctx context.Context, _ uri.URI) error {
			return store.ListContainers(ctx, func([]backend.Entry) error { return nil })
		},
	}
}

// object stores something to read.
func object(t *testing.T, server *testservers.Azurite, data []byte) uri.URI {
	t.Helper()
	u := uri.URI{Scheme: "az", Container: newContainer(t, server), Key: "dir/object"}
	store := connect(t, settings(server))
	defer store.Close()
	if _, err := store.Put(t.Context(), u, data, nil); err != nil {
		t.Fatal(err)
	}
	return u
}

// signature is a SAS of the whole account with these rights.
func signature(t *testing.T, server *testservers.Azurite, rights sas.AccountPermissions, begin, end time.Time) string {
	t.Helper()
	key, err := service.NewSharedKeyCredential(server.Account, server.Key)
	if err != nil {
		t.Fatal(err)
	}
	kinds := sas.AccountResourceTypes{Service: true, Container: true, Object: true}
	q, err := sas.AccountSignatureValues{
		Protocol: sas.ProtocolHTTPSandHTTP, StartTime: begin, ExpiryTime: end, Permissions: rights.String(), ResourceTypes: kinds.String(),
	}.SignWithSharedKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return q.Encode()
}

func bySAS(server *testservers.Azurite, token string) *config.Config {
	cfg := settings(server)
	delete(cfg.Env, "AZURE_STORAGE_ACCOUNT_KEY")
	cfg.Env["AZURE_STORAGE_SAS_TOKEN"] = token
	return cfg
}

// A refused client learns why, whatever it does, and no text shows a secret.
func TestRefused(t *testing.T) {
	server := testservers.SharedAzurite(t)
	u := object(t, server, []byte("data"))
	now := time.Now()
	all := sas.AccountPermissions{Read: true, Write: true, List: true, Create: true, Add: true}
	good := signature(t, server, all, now.Add(-time.Hour), now.Add(time.Hour))
	sig := good[strings.Index(good, "sig=")+4:]
	wrong := base64.StdEncoding.EncodeToString([]byte("a wrong key of the right form"))
	for name, c := range map[string]struct {
		cfg    *config.Config
		secret string
	}{
		"wrong key":   {settings(server), wrong},
		"wrong SAS":   {bySAS(server, strings.Replace(good, "sig=", "sig=AAAA", 1)), "AAAA" + sig},
		"expired SAS": {bySAS(server, signature(t, server, all, now.Add(-2*time.Hour), now.Add(-time.Hour))), "sig="},
		"anonymous":   {settings(server), server.Key},
	} {
		if name == "wrong key" {
			c.cfg.Env["AZURE_STORAGE_ACCOUNT_KEY"] = wrong
		}
		c.cfg.Anonymous = name == "anonymous"
		store := connect(t, c.cfg)
		for op, do := range operations(store) {
			err := do(t.Context(), u)
			var e *errs.Error
			if !errors.As(err, &e) || e.Code != errs.Permission && (name != "anonymous" || e.Code != errs.NotFound) || e.Hint == "" || e.RequestID == "" {
				t.Errorf("%s, %s: %v", name, op, err)
			}
			if text := string(errs.From(err, "", "").JSON()); strings.Contains(text, c.secret) || strings.Contains(text, "sig=") {
				t.Errorf("%s, %s: the text shows a secret: %s", name, op, text)
			}
		}
		store.Close()
	}
}

func TestSAS(t *testing.T) {
	server := testservers.SharedAzurite(t)
	u := object(t, server, []byte("data"))
	now := time.Now()
	all := sas.AccountPermissions{Read: true, Write: true, List: true, Create: true, Add: true}
	store := connect(t, bySAS(server, "?"+signature(t, server, all, now.Add(-time.Hour), now.Add(time.Hour))))
	defer store.Close()
	for op, do := range operations(store) {
		if err := do(t.Context(), u); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	reading := connect(t, bySAS(server, signature(t, server, sas.AccountPermissions{Read: true}, now.Add(-time.Hour), now.Add(time.Hour))))
	defer reading.Close()
	if _, err := reading.Put(t.Context(), u, []byte("new"), nil); errs.CodeOf(err) != errs.Permission {
		t.Errorf("a put with the right to read: %v", err)
	}
	if _, err := reading.Stat(t.Context(), u); err != nil {
		t.Error(err)
	}
}

// What is wrong with the place is said at once, or by the service.
func TestWrongPlaces(t *testing.T) {
	server := testservers.SharedAzurite(t)
	u := object(t, server, []byte("data"))
	other := settings(server)
	other.Env["AZURE_STORAGE_ACCOUNT_NAME"] = "another1"
	nobody := settings(server)
	nobody.Endpoints = []string{"http://" + testservers.FreeAddr(t)}
	for _, c := range []struct {
		cfg  *config.Config
		u    uri.URI
		code errs.Code
		says string
	}{
		{settings(server), uri.URI{Scheme: "az", Container: "not-there", Key: "key"}, errs.NotFound, `container "not-there" not found`},
		{settings(server), uri.URI{Scheme: "az", Container: "Not_A_Name", Key: "key"}, errs.Invalid, "lower-case letters"},
		{settings(server), u.WithKey("a/../b"), errs.Invalid, "segment"},
		{settings(server), u.WithKey(""), errs.Invalid, "names a container"},
		{other, u, errs.NotFound, "names of the account and the container"},
		{nobody, u, errs.Connection, "cannot connect"},
	} {
		store := connect(t, c.cfg)
		for op, do := range operations(store) {
			if c.u != u && op != "stat" && op != "get" && op != "put" && op != "part" {
				continue // not about the object
			}
			if err := do(t.Context(), c.u); errs.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s of %s: %v; want %v and %q", op, c.u, err, c.code, c.says)
			}
		}
		store.Close()
	}
}

// Objects that stand for directories of a hierarchical namespace are none.
func TestDirectoryStubs(t *testing.T) {
	server := testservers.SharedAzurite(t)
	store := connect(t, settings(server))
	defer store.Close()
	u := uri.URI{Scheme: "az", Container: newContainer(t, server), Key: "dir"}
	if _, err := store.Put(t.Context(), u, nil, &backend.Attributes{Metadata: map[string]string{"hdi_isfolder": "true"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Stat(t.Context(), u); errs.CodeOf(err) != errs.NotFound {
		t.Errorf("stat: %v", err)
	}
	if _, err := store.Open(t.Context(), u, backend.Whole, ""); errs.CodeOf(err) != errs.NotFound {
		t.Errorf("get: %v", err)
	}
}
