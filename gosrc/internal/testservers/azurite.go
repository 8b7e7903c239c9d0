package testservers

import (
	"encoding/base64"
	"net"
	"testing"
)

// Azurite is a running emulator of Azure Blob Storage.
type Azurite struct {
	Addr         string // host:port
	Account, Key string // Key is in base64
	Endpoint     string // base URL, which ends in the account
	*process
}

// SharedAzurite is the Azurite of the test binary. Where there is no Node.js the test is skipped.
func SharedAzurite(tb testing.TB) *Azurite {
	tb.Helper()
	needsNode(tb)
	return once(tb, &shared.azurite, func(l lifetime) *Azurite { return azurite(l, "http") })
}

// NewAzurite starts an Azurite for the duration of a test.
func NewAzurite(tb testing.TB) *Azurite {
	tb.Helper()
	needsNode(tb)
	return azurite(testLifetime(tb), "http")
}

// NewAzuriteTLS starts one that speaks TLS, with the certificate and the key in
// these files, and takes bearer tokens: it looks at what they say, and at no signature.
func NewAzuriteTLS(tb testing.TB, certificate, key string) *Azurite {
	tb.Helper()
	needsNode(tb)
	return azurite(testLifetime(tb), "https", "--cert", certificate, "--key", key, "--oauth", "basic")
}

func needsNode(tb testing.TB) {
	tb.Helper()
	needs(tb, "node", "Node.js 20 and npm (Debian: nodejs and npm)")
}

func azurite(l lifetime, scheme string, options ...string) *Azurite {
	l.Helper()
	a := &Azurite{Addr: FreeAddr(l), Account: "testaccount", Key: base64.StdEncoding.EncodeToString([]byte("a key of the tests, which opens nothing else"))}
	a.Endpoint = scheme + "://" + a.Addr + "/" + a.Account
	env := []string{"AZURITE_ACCOUNTS=" + a.Account + ":" + a.Key}
	a.process = start(l, "azurite", append([]string{port(l, a.Addr)}, options...), env, func() error {
		nc, err := net.Dial("tcp", a.Addr)
		if err != nil {
			return err
		}
		return nc.Close()
	})
	return a
}

// Env holds the account and its key as the variables that clients read.
func (a *Azurite) Env() map[string]string {
	return map[string]string{"AZURE_STORAGE_ACCOUNT_NAME": a.Account, "AZURE_STORAGE_ACCOUNT_KEY": a.Key}
}

// Stop ends the server before its lifetime does.
func (a *Azurite) Stop() { a.stop() }
