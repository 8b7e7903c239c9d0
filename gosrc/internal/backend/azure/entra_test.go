package azure

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// entra stands for Microsoft Entra ID, which cannot run here: it hands out
// tokens as that does. Everything else in these tests is real.
type entra struct {
	*httptest.Server
	mu       sync.Mutex
	lifetime time.Duration // of the tokens to come
	refuse   string        // what it says instead
	asked    []string      // with which credentials
}

func newEntra(t *testing.T) *entra {
	e := &entra{lifetime: time.Hour}
	e.Server = httptest.NewTLSServer(http.HandlerFunc(e.serve))
	t.Cleanup(e.Close)
	return e
}

func (e *entra) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
		base := e.URL + "/tenant"
		fmt.Fprintf(w, `{"token_endpoint":"%[1]s/oauth2/v2.0/token","authorization_endpoint":"%[1]s/authorize","issuer":"%[1]s/v2.0"}`, base)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refuse != "" {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":"invalid_client","error_description":%q}`, e.refuse)
		return
	}
	_ = r.ParseForm()
	e.asked = append(e.asked, r.PostForm.Get("client_secret")+r.PostForm.Get("client_assertion")+r.Header.Get("X-IDENTITY-HEADER"))
	end := time.Now().Add(e.lifetime)
	// What it says of the end is what the client goes by; the token itself may know better.
	json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "expires_in": 3600, "expires_on": fmt.Sprint(time.Now().Add(time.Hour).Unix()), "access_token": bearer(end)})
}

func (e *entra) calls() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.asked)
}

// bearer is a token as Azurite wants it, which looks at all but the signature.
func bearer(end time.Time) string {
	part := func(v map[string]any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return part(map[string]any{"alg": "RS256", "typ": "JWT"}) + "." + part(map[string]any{
		"aud": "https://storage.azure.com", "iss": "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
		"iat": end.Add(-2 * time.Hour).Unix(), "nbf": end.Add(-2 * time.Hour).Unix(), "exp": end.Unix(), "jti": rand.Text(),
	}) + ".c2lnbmF0dXJl"
}
