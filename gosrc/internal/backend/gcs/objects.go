package gcs

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// object is an object as the API describes it. Numbers come as text.
type object struct {
	Name         string            `json:"name,omitempty"`
	Size         string            `json:"size,omitempty"`
	Generation   string            `json:"generation,omitempty"`
	Updated      time.Time         `json:"updated,omitzero"`
	ContentType  string            `json:"contentType,omitempty"`
	StorageClass string            `json:"storageClass,omitempty"`
	CRC32C       string            `json:"crc32c,omitempty"`
	Metadata     map[string]string `json:"metadata,omitempty"`
}

// fields are those of an object that are asked for.
const fields = "name,size,generation,updated,contentType,storageClass,crc32c,metadata"

// info fails where the description lacks what identifies an object.
func (o *object) info() (backend.Info, error) {
	size, err := strconv.ParseInt(o.Size, 10, 64)
	if err != nil {
		return backend.Info{}, errNoSize
	}
	if o.Generation == "" {
		return backend.Info{}, errNoGeneration
	}
	info := backend.Info{
		Size: size, ETag: o.Generation, ModTime: o.Updated, ContentType: o.ContentType, StorageClass: o.StorageClass,
	}
	for name, value := range o.Metadata {
		if info.Metadata == nil {
			info.Metadata = map[string]string{}
		}
		info.Metadata[strings.ToLower(name)] = value
	}
	return info, nil
}

// Stat asks for the description of an object.
func (c *client) Stat(ctx context.Context, u uri.URI) (backend.Info, error) {
	return c.stat(ctx, "stat", u)
}

func (c *client) stat(ctx context.Context, op string, u uri.URI) (backend.Info, error) {
	o, err := c.identify(ctx, op, u)
	return o.Info, err
}

func (c *client) identify(ctx context.Context, op string, u uri.URI) (described, error) {
	return c.describe(ctx, &call{
		op: op, u: u, object: true, method: http.MethodGet, path: objectPath("", u), query: url.Values{"fields": {fields}},
	})
}

// described is an object and the checksum that the service has of it.
type described struct {
	backend.Info
	crc32c string
}

// describe sends a call that is answered with the description of an object.
func (c *client) describe(ctx context.Context, r *call) (described, error) {
	resp, err := c.do(ctx, r)
	if err != nil {
		return described{}, err
	}
	defer resp.Close()
	return c.description(resp, r)
}

func (c *client) description(resp *wire.Response, r *call) (described, error) {
	var o object
	if err := c.decode(resp, r, &o); err != nil {
		return described{}, err
	}
	info, err := o.info()
	if err != nil {
		return described{}, c.malformed(err, r.op, r.u)
	}
	return described{info, o.CRC32C}, nil
}

// describing is what an upload says of the object to be.
func describing(u uri.URI, a *backend.Attributes) object {
	o := object{Name: u.Key}
	if a != nil {
		o.ContentType, o.StorageClass, o.Metadata = a.ContentType, a.StorageClass, a.Metadata
	}
	return o
}

// Put stores an object with one request, which has its description and then its
// bytes. The service checks the checksum.
func (c *client) Put(ctx context.Context, u uri.URI, data []byte, a *backend.Attributes) (backend.Info, error) {
	about := describing(u, a)
	about.CRC32C = checksum(crc32.Checksum(data, castagnoli))
	body, err := frame(about, data)
	if err != nil {
		return backend.Info{}, errs.From(err, "put", u.String())
	}
	o, err := c.describe(ctx, &call{
		op: "put", u: u, object: true, method: http.MethodPost, path: "/upload" + bucketPath(u) + "/o",
		query:  url.Values{"uploadType": {"multipart"}, "fields": {fields}},
		header: wire.Header{{Name: "content-type", Value: "multipart/related; boundary=" + body.boundary}},
		stream: body,
	})
	return o.Info, err
}

// framed is a body of two parts: JSON, and the bytes of an object.
type framed struct {
	boundary            string
	before, data, after []byte
}

func frame(about object, data []byte) (*framed, error) {
	f := &framed{boundary: rand.Text(), data: data} // 128 random bits: no data holds them
	text, err := json.Marshal(about)
	if err != nil {
		return nil, err
	}
	kind := about.ContentType
	if kind == "" {
		kind = "application/octet-stream"
	}
	f.before = []byte("--" + f.boundary + "\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n" + string(text) +
		"\r\n--" + f.boundary + "\r\ncontent-type: " + kind + "\r\n\r\n")
	f.after = []byte("\r\n--" + f.boundary + "--\r\n")
	return f, nil
}

func (f *framed) reader() io.Reader {
	return io.MultiReader(bytes.NewReader(f.before), bytes.NewReader(f.data), bytes.NewReader(f.after))
}

func (f *framed) length() int64 { return int64(len(f.before) + len(f.data) + len(f.after)) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is a CRC32C as the service writes it.
func checksum(sum uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// Delete removes an object, or finds none.
func (c *client) Delete(ctx context.Context, u uri.URI) error {
	r := &call{
		op: "delete", u: u, object: true, method: http.MethodDelete, path: objectPath("", u), also: http.StatusNotFound,
	}
	resp, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Close()
	if resp.Status == http.StatusNotFound {
		s := readError(resp)
		if missing := c.whatIsMissing(ctx, r, s); missing != objectMissing {
			return c.failure(r, resp, s, missing, nil)
		}
	}
	return nil
}
