package azure

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/minio/crc64nvme"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Stat asks for the header of an object.
func (c *client) Stat(ctx context.Context, u uri.URI) (backend.Info, error) {
	return c.stat(ctx, "stat", u)
}

func (c *client) stat(ctx context.Context, op string, u uri.URI) (backend.Info, error) {
	if err := checkObject(op, u); err != nil {
		return backend.Info{}, err
	}
	var resp *http.Response
	props, err := c.blob(u).GetProperties(policy.WithCaptureResponse(ctx, &resp), nil)
	if err != nil {
		return backend.Info{}, c.failed(err, op, u)
	}
	if props.ContentLength == nil {
		return backend.Info{}, c.malformed(web.ErrNoLength, op, u)
	}
	info, isDir := describe(fields(resp.Header), *props.ContentLength)
	if isDir {
		return backend.Info{}, c.directory(op, u)
	}
	return info, nil
}

func fields(header http.Header) wire.Header {
	out := make(wire.Header, 0, len(header))
	for name, values := range header {
		out = append(out, wire.Field{Name: name, Value: strings.Join(values, ",")})
	}
	return out
}

const (
	meta     = "x-ms-meta-"   // what names of user metadata begin with
	isFolder = "hdi_isfolder" // metadata of the empty blobs that stand for directories
)

// describe reads what a header says of an object, and whether it is none but
// stands for a directory.
func describe(header wire.Header, size int64) (info backend.Info, isDir bool) {
	info.Size = size
	inferred := false
	for _, f := range header {
		switch name := strings.ToLower(f.Name); name {
		case "etag":
			info.ETag = web.Unquote(f.Value)
		case "last-modified":
			info.ModTime, _ = http.ParseTime(f.Value) // zero where the server sends none
		case "content-type":
			info.ContentType = f.Value
		case "x-ms-access-tier":
			info.StorageClass = f.Value
		case "x-ms-access-tier-inferred":
			inferred = f.Value == "true"
		case "x-ms-archive-status":
			info.Restore = &backend.Restore{InProgress: strings.HasPrefix(f.Value, "rehydrate-pending")}
		case meta + isFolder:
			isDir = f.Value == "true" && size == 0
		default:
			if key, ok := strings.CutPrefix(name, meta); ok {
				if info.Metadata == nil {
					info.Metadata = map[string]string{}
				}
				info.Metadata[key] = f.Value
			}
		}
	}
	if inferred { // it is the account's, not the object's
		info.StorageClass = ""
	}
	return info, isDir
}

// directory is the error of an object that only stands for a directory.
func (c *client) directory(op string, u uri.URI) error {
	e := errs.New(errs.NotFound, op, u.String(), "object not found: this is a directory of a hierarchical namespace")
	e.Endpoint = c.endpoint.String()
	return e
}

// described are the attributes of an object in azblob's terms.
type described struct {
	headers  *blob.HTTPHeaders
	metadata map[string]*string
	tier     *blob.AccessTier
}

const defaultContentType = "application/octet-stream"

// describing checks attributes: the service has user metadata as headers, but
// takes the names of identifiers only.
func describing(op string, u uri.URI, a *backend.Attributes) (d described, err error) {
	contentType := defaultContentType
	if a != nil {
		if a.ContentType != "" {
			contentType = a.ContentType
		}
		if a.StorageClass != "" {
			tier := blob.AccessTier(a.StorageClass)
			d.tier = &tier
		}
		for name, value := range a.Metadata {
			if !metadataName.MatchString(name) {
				return d, errs.New(errs.Invalid, op, u.String(), "%q cannot be the name of metadata at Azure", name).
					WithHint("Write it with letters, digits and underscores, and a letter or underscore first")
			}
			if d.metadata == nil {
				d.metadata = map[string]*string{}
			}
			d.metadata[name] = &value
		}
	}
	d.headers = &blob.HTTPHeaders{BlobContentType: &contentType}
	return d, nil
}

// Put stores an object with one request.
func (c *client) Put(ctx context.Context, u uri.URI, data []byte, a *backend.Attributes) (backend.Info, error) {
	err := checkObject("put", u)
	if err != nil {
		return backend.Info{}, err
	}
	d, err := describing("put", u, a)
	if err != nil {
		return backend.Info{}, err
	}
	resp, err := c.blob(u).Upload(ctx, streaming.NopCloser(bytes.NewReader(data)), &blockblob.UploadOptions{
		HTTPHeaders: d.headers, Metadata: d.metadata, Tier: d.tier, TransactionalValidation: c.validation(data),
	})
	if err != nil {
		return backend.Info{}, c.failed(err, "put", u)
	}
	if resp.ETag == nil {
		return backend.Info{}, c.malformed(errNoETag, "put", u)
	}
	return backend.Info{Size: int64(len(data)), ETag: web.Unquote(string(*resp.ETag))}, nil
}

var errNoETag = errors.New("no ETag")

// validation guards data on its way: TLS does so by itself, and without it
// a CRC64 does, which the service checks. azblob's own takes a second for a GB.
func (c *client) validation(data []byte) blob.TransferValidationType {
	if c.endpoint.Scheme == "https" {
		return nil
	}
	return blob.TransferValidationTypeCRC64(crc64nvme.Checksum(data))
}

// Delete removes an object; that there is none is no failure.
func (c *client) Delete(ctx context.Context, u uri.URI) error {
	if err := checkObject("delete", u); err != nil {
		return err
	}
	if _, err := c.blob(u).Delete(ctx, nil); err != nil && !hasCode(err, "BlobNotFound") {
		return c.failed(err, "delete", u)
	}
	return nil
}
