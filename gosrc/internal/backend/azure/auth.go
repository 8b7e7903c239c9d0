package azure

import (
	"context"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// authority says who sends a request: by one of a key, a SAS and a token, or not at all.
type authority struct {
	shared *service.SharedKeyCredential // signs for azblob
	signer *signer                      // signs a GET
	sas    string
	tokens *web.Keyring[string]
	from   string // where it is from, for texts
}

func newAuthority(cfg *config.Config, s *settings, endpoint *url.URL) (*authority, error) {
	switch {
	case cfg.Anonymous:
		return &authority{}, nil
	case s.key != "":
		return sharedKey(s, endpoint)
	case s.sas != "":
		return &authority{sas: s.sas.Reveal(), from: s.secretFrom}, nil
	case endpoint.Scheme != "https":
		return nil, errs.New(errs.Credentials, "configure", "", "no account key and no SAS is set, and tokens are not sent to %s, which is not https", endpoint).
			WithHint("Set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or the option anonymous for a public container")
	}
	chain, err := newChain(cfg)
	if err != nil {
		return nil, err
	}
	return &authority{tokens: web.NewKeyring(chain.token)}, nil
}

func sharedKey(s *settings, endpoint *url.URL) (*authority, error) {
	account := s.account
	if account == "" {
		account = accountOf(endpoint)
	}
	if account == "" {
		return nil, errs.New(errs.Credentials, "configure", "", "%s is set, and no variable says of which account it is the key", s.secretFrom).
			WithHint("Set AZURE_STORAGE_ACCOUNT_NAME")
	}
	shared, err := service.NewSharedKeyCredential(account, s.key.Reveal())
	if err != nil { // it has been checked
		return nil, errs.New(errs.Credentials, "configure", "", "the account key in %s is malformed", s.secretFrom)
	}
	signer, err := newSigner(account, s.key)
	return &authority{shared: shared, signer: signer, from: s.secretFrom}, err
}

// token returns the current one; nil where none are used.
func (a *authority) token(ctx context.Context) (*web.Held[string], error) {
	if a.tokens == nil {
		return nil, nil
	}
	return a.tokens.Get(ctx)
}

// withSAS adds the signature to a query.
func (a *authority) withSAS(query string) string {
	switch {
	case a.sas == "":
		return query
	case query == "":
		return a.sas
	}
	return query + "&" + a.sas
}

// renewed says whether a request that was refused with a token is worth another
// one: the service takes that for expired, and there is another. Azure answers
// with 401, the emulator with the code.
func (a *authority) renewed(ctx context.Context, status int, code string, used *web.Held[string]) bool {
	expired := status == http.StatusUnauthorized || code == "AuthenticationFailed"
	return used != nil && expired && a.tokens.Replace(ctx, used)
}

// finisher is the last policy of azblob's pipeline.
type finisher struct{ c *client }

func (f *finisher) Do(req *policy.Request) (*http.Response, error) {
	raw, auth := req.Raw(), f.c.auth
	raw.Header.Set("User-Agent", f.c.agent)
	raw.URL.RawQuery = auth.withSAS(raw.URL.RawQuery)
	for again := false; ; again = true {
		used, err := auth.token(raw.Context())
		if err != nil {
			return nil, err
		}
		if used != nil {
			raw.Header.Set("Authorization", "Bearer "+used.Value)
		}
		resp, err := req.Next()
		if err != nil || again || !auth.renewed(raw.Context(), resp.StatusCode, resp.Header.Get(errorCode), used) {
			return resp, err
		}
		runtime.Drain(resp)
		if err := req.RewindBody(); err != nil {
			return nil, err
		}
	}
}

// transporter is what azcore sends requests with.
type transporter wire.Transport

func (t *transporter) Do(r *http.Request) (*http.Response, error) {
	return (*wire.Transport)(t).RoundTrip(r)
}
