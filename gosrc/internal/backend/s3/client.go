package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// client is S3 at one endpoint.
type client struct {
	endpoint  *url.URL
	pathStyle bool
	agent     string // the User-Agent of every request

	tellRestores bool // listings ask for it
	signer       signer
	keys         *web.Keyring[keys] // nil: anonymous
	wire         *wire.Transport
	known        web.Seen // buckets that have been seen to exist
}

func init() {
	backend.Register(backend.Driver{
		Scheme: "s3", Attributes: true, StorageClasses: true, MinPart: minPart, MaxParts: maxParts, Endpoints: endpoints, New: open,
		Diagnose: diagnose,
	})
}

func open(_ context.Context, cfg *config.Config, endpoint string) (backend.Backend, error) {
	u, err := web.ParseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	p, err := loadProfiles(cfg)
	if err != nil {
		return nil, err
	}
	_, profile, err := p.chosen()
	if err != nil {
		return nil, err
	}
	c := &client{endpoint: u, pathStyle: pathStyle(cfg, u), agent: web.UserAgent(cfg), signer: signer{region: region(cfg, profile)}}
	c.tellRestores = cfg.RestoreStatus
	if c.wire, err = web.Transport(cfg, u, bundleVariable); err != nil {
		return nil, err
	}
	if !cfg.Anonymous {
		chain, err := newChain(cfg, c.signer.region)
		if err != nil {
			return nil, err
		}
		c.keys = web.NewKeyring(chain.find)
	}
	return c, nil
}

// call is one request of an operation on u, which names the bucket and, where
// key is set, the object.
type call struct {
	op     string
	u      uri.URI
	from   uri.URI // of an operation that copies
	method string
	key    bool
	query  string // in canonical form
	header wire.Header
	body   []byte
	data   bool // the body is an object's: not hashed
	once   bool // sending it twice gives another answer
}

// do sends a call. The response is a success and must be closed.
func (c *client) do(ctx context.Context, r *call) (*wire.Response, error) {
	if r.key && r.u.Key == "" {
		return nil, errs.New(errs.Invalid, r.op, r.u.String(), "the URI names a bucket, not an object in it").
			WithHint("Add the object's key: %skey", r.u.Base())
	}
	if !utf8.ValidString(r.u.Key) { // servers answer with a wrong signature
		return nil, errs.New(errs.Invalid, r.op, r.u.String(), "the key %q is not UTF-8, which S3 wants keys to be", r.u.Key).
			WithHint("Give the object another name")
	}
	for again := false; ; again = true {
		resp, used, err := c.send(ctx, r)
		if err != nil {
			return nil, c.broken(err, r.op, r.u)
		}
		if resp.Status/100 == 2 {
			c.known.Add(r.u.Container)
			return resp, nil
		}
		failure := c.refusal(ctx, r, resp, used)
		if again || used == nil || !failure.expired || !c.keys.Replace(ctx, used) {
			return nil, failure.Error
		}
	}
}

// send signs and sends a call with the current credentials, which it returns.
func (c *client) send(ctx context.Context, r *call) (*wire.Response, *web.Held[keys], error) {
	req := &wire.Request{Method: r.method, Body: r.body, Once: r.once}
	req.Header = append(make(wire.Header, 0, 10), r.header...)
	req.Header = append(req.Header, wire.Field{Name: "user-agent", Value: c.agent})
	req.Host, req.Target = c.address(r)
	if c.keys == nil {
		resp, err := c.wire.Do(ctx, req)
		return resp, nil, err
	}
	v, err := c.keys.Get(ctx)
	if err != nil {
		return nil, nil, &web.KeyError{Err: err}
	}
	payload := emptyHash
	switch {
	case r.data && len(r.body) > 0:
		payload = unsigned
	case len(r.body) > 0:
		sum := sha256.Sum256(r.body)
		payload = hex.EncodeToString(sum[:])
	}
	c.signer.sign(req, &v.Value, payload, time.Now())
	resp, err := c.wire.Do(ctx, req)
	return resp, v, err
}

// address is the Host header and the request target of a call.
func (c *client) address(r *call) (host, target string) {
	host = c.endpoint.Host
	b := make([]byte, 0, len(c.endpoint.Path)+len(r.u.Container)+len(r.u.Key)+len(r.query)+16)
	b = escape(b, c.endpoint.Path, true)
	b = append(b, '/')
	if bucket := r.u.Container; c.pathStyle || !hostable(bucket, c.endpoint.Scheme) {
		b = escape(b, bucket, false)
		if r.key {
			b = append(b, '/')
		}
	} else {
		host = bucket + "." + host
	}
	if r.key {
		b = escape(b, r.u.Key, true)
	}
	if r.query != "" {
		b = append(append(b, '?'), r.query...)
	}
	return host, string(b)
}

// hostable says whether a bucket's name can be part of a host name. With a dot
// in it, it would not match the certificate.
func hostable(bucket, scheme string) bool {
	for _, c := range []byte(bucket) {
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-'
		if !letter && (c != '.' || scheme == "https") {
			return false
		}
	}
	return bucket != ""
}

// finish sends a call whose answer has no body of interest.
func (c *client) finish(ctx context.Context, r *call) error {
	resp, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	return resp.Close()
}

// document sends a call and reads its whole answer.
func (c *client) document(ctx context.Context, r *call) ([]byte, *wire.Response, error) {
	resp, err := c.do(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Close()
	text, err := web.Document(resp)
	if err != nil {
		return nil, nil, c.broken(err, r.op, r.u)
	}
	return text, resp, nil
}

// Close closes the connections.
func (c *client) Close() error {
	c.wire.Close()
	return nil
}
