package s3

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Stat asks for the header of an object.
func (c *client) Stat(ctx context.Context, u uri.URI) (backend.Info, error) {
	return c.stat(ctx, "stat", u)
}

func (c *client) stat(ctx context.Context, op string, u uri.URI) (backend.Info, error) {
	resp, err := c.do(ctx, &call{op: op, u: u, method: http.MethodHead, key: true})
	if err != nil {
		return backend.Info{}, err
	}
	defer resp.Close()
	if resp.Length < 0 {
		return backend.Info{}, c.malformed(web.ErrNoLength, op, u)
	}
	return describe(resp.Header, resp.Length), nil
}

const meta = "x-amz-meta-" // what names of user metadata begin with

// describing is the header that gives an object its attributes.
func describing(a *backend.Attributes) wire.Header {
	if a == nil {
		return nil
	}
	var h wire.Header
	if a.ContentType != "" {
		h = append(h, wire.Field{Name: "content-type", Value: a.ContentType})
	}
	if a.StorageClass != "" {
		h = append(h, wire.Field{Name: "x-amz-storage-class", Value: a.StorageClass})
	}
	for name, value := range a.Metadata {
		h = append(h, wire.Field{Name: meta + name, Value: value})
	}
	return h
}

// describe reads what the header of an answer says of an object.
func describe(h wire.Header, size int64) backend.Info {
	info := backend.Info{Size: size}
	for _, f := range h {
		switch {
		case strings.EqualFold(f.Name, "ETag"):
			info.ETag = web.Unquote(f.Value)
		case strings.EqualFold(f.Name, "Content-Type"):
			info.ContentType = f.Value
		case strings.EqualFold(f.Name, "Last-Modified"):
			info.ModTime, _ = http.ParseTime(f.Value) // zero, that is unknown, where it is malformed
		case strings.EqualFold(f.Name, "x-amz-storage-class"):
			info.StorageClass = f.Value
		case strings.EqualFold(f.Name, "x-amz-restore"):
			info.Restore = restore(f.Value)
		case len(f.Name) > len(meta) && strings.EqualFold(f.Name[:len(meta)], meta):
			if info.Metadata == nil {
				info.Metadata = map[string]string{}
			}
			info.Metadata[strings.ToLower(f.Name[len(meta):])] = f.Value
		}
	}
	return info
}

// restore reads `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`.
func restore(value string) *backend.Restore {
	r := &backend.Restore{InProgress: strings.Contains(value, `ongoing-request="true"`)}
	_, date, _ := strings.Cut(value, `expiry-date="`)
	date, _, _ = strings.Cut(date, `"`)
	if t, err := http.ParseTime(date); err == nil {
		r.Expiry = t.Unix()
	}
	return r
}

// Put stores an object with one request.
func (c *client) Put(ctx context.Context, u uri.URI, data []byte, a *backend.Attributes) (backend.Info, error) {
	resp, err := c.do(ctx, &call{
		op: "put", u: u, method: http.MethodPut, key: true,
		header: append(c.protect(data), describing(a)...), body: data, data: true,
	})
	if err != nil {
		return backend.Info{}, err
	}
	defer resp.Close()
	return backend.Info{Size: int64(len(data)), ETag: web.Unquote(resp.Header.Get("ETag"))}, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// protect is the header that guards data on its way. TLS does so by itself.
// Without it a CRC32C, which the server checks, costs a twentieth of the
// SHA-256 of a signed payload.
func (c *client) protect(data []byte) wire.Header {
	if c.endpoint.Scheme == "https" {
		return nil
	}
	return wire.Header{{Name: "x-amz-checksum-crc32c", Value: checksum(data)}}
}

func checksum(data []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.Checksum(data, castagnoli)))
}

// Delete removes an object. S3 does not say whether there was one.
func (c *client) Delete(ctx context.Context, u uri.URI) error {
	return c.finish(ctx, &call{op: "delete", u: u, method: http.MethodDelete, key: true})
}
