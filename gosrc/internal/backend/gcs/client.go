package gcs

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// client is Google Cloud Storage at one endpoint.
type client struct {
	endpoint *url.URL
	agent    string // the User-Agent of every request
	project  string // of the configuration

	account *account            // nil: anonymous
	tokens  *web.Keyring[token] // nil: anonymous
	wire    *wire.Transport
	known   web.Seen // buckets that have been seen to exist
	begun   sync.Map // copies that broke off: how to go on with them
}

func init() {
	backend.Register(backend.Driver{
		Scheme: "gs", Attributes: true, StorageClasses: true, MinPart: quantum, Endpoints: endpoints, New: open, Diagnose: diagnose,
	})
}

func open(_ context.Context, cfg *config.Config, endpoint string) (backend.Backend, error) {
	u, err := web.ParseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	c := &client{endpoint: u, agent: web.UserAgent(cfg), project: project(cfg)}
	if c.wire, err = web.Transport(cfg, u, bundleVariable); err != nil {
		return nil, err
	}
	anonymous, err := isAnonymous(cfg, u)
	if err != nil || anonymous {
		return c, err
	}
	if c.account, err = findAccount(cfg); err != nil {
		return nil, err
	}
	if err := c.account.belongs(endpoint); err != nil {
		return nil, err
	}
	c.tokens = web.NewKeyring(c.account.token)
	return c, nil
}

// call is one request of an operation on u.
type call struct {
	op     string
	u      uri.URI
	object bool // u must name an object
	method string
	path   string // below the endpoint, escaped
	query  url.Values
	header wire.Header
	body   []byte
	stream *framed // the body where it is an object's
	once   bool    // sending it twice gives another answer
	also   int     // a status that is no failure here, besides 2xx
	lacks  outcome // what 404 means; zero: object or bucket
}

// objectPath is where the API has an object: below what kind of access it is.
func objectPath(kind string, u uri.URI) string {
	return kind + "/storage/v1/b/" + u.Container + "/o/" + escaped(u.Key)
}

// escaped is a key as a part of a path: the service wants all but letters,
// digits and "-_.~" escaped, also what other servers take as it is.
func escaped(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "+", "%20") }

// bucketPath is where it has a bucket.
func bucketPath(u uri.URI) string { return "/storage/v1/b/" + u.Container }

// do sends a call. The response is a success and must be closed.
func (c *client) do(ctx context.Context, r *call) (*wire.Response, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	for again := false; ; again = true {
		resp, used, err := c.send(ctx, r)
		if err != nil {
			return nil, c.broken(err, r.op, r.u)
		}
		switch {
		case resp.Status/100 == 2:
			c.known.Add(r.u.Container)
			return resp, nil
		case resp.Status == r.also:
			return resp, nil
		}
		refused := resp.Status == http.StatusUnauthorized
		failure := c.refusal(ctx, r, resp, used)
		if again || used == nil || !refused || !c.tokens.Replace(ctx, used) {
			return nil, failure
		}
	}
}

func (r *call) check() error {
	if r.u.Container != "" {
		if err := checkBucket(r.op, r.u); err != nil {
			return err
		}
	}
	if r.object {
		return checkKey(r.op, r.u)
	}
	return nil
}

// send sends a call with the current token, which it returns.
func (c *client) send(ctx context.Context, r *call) (*wire.Response, *web.Held[token], error) {
	req := &wire.Request{Method: r.method, Host: c.endpoint.Host, Target: c.endpoint.EscapedPath() + r.path, Body: r.body, Once: r.once}
	if len(r.query) > 0 {
		req.Target += "?" + r.query.Encode()
	}
	if r.stream != nil {
		req.Stream, req.StreamLength, req.Once = r.stream.reader(), r.stream.length(), true
	}
	req.Header = append(make(wire.Header, 0, 8), r.header...)
	req.Header = append(req.Header, wire.Field{Name: "user-agent", Value: c.agent})
	if c.tokens == nil {
		resp, err := c.wire.Do(ctx, req)
		return resp, nil, err
	}
	held, err := c.tokens.Get(ctx)
	if err != nil {
		return nil, nil, err
	}
	req.Header = append(req.Header, wire.Field{Name: "authorization", Value: held.Value.bearer()})
	if c.account.quota != "" {
		req.Header = append(req.Header, wire.Field{Name: "x-goog-user-project", Value: c.account.quota})
	}
	resp, err := c.wire.Do(ctx, req)
	return resp, held, err
}

// finish sends a call whose answer is of no interest.
func (c *client) finish(ctx context.Context, r *call) error {
	resp, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	return resp.Close()
}

// document sends a call and reads the JSON of its answer into v.
func (c *client) document(ctx context.Context, r *call, v any) error {
	resp, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Close()
	return c.decode(resp, r, v)
}

func (c *client) decode(resp *wire.Response, r *call, v any) error {
	text, err := web.Document(resp)
	if err != nil {
		return c.broken(err, r.op, r.u)
	}
	if err := jsonv2.Unmarshal(text, v); err != nil { // three times as fast as v1
		return c.malformed(errNotJSON, r.op, r.u)
	}
	return nil
}

// malformed is an answer that is not what the service gives. Asking again would not help.
func (c *client) malformed(err error, op string, u uri.URI) error {
	return web.Malformed(err, op, u, c.endpoint, "Google Cloud Storage", "an endpoint of it")
}

// Close closes the connections.
func (c *client) Close() error {
	c.wire.Close()
	return nil
}
