package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/web"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

const (
	minPart  = 5 << 20
	maxPart  = 5 << 30
	maxParts = 10_000
	tornWait = 300 * time.Millisecond
	// lastWords is what a request to begin an upload gets when it is given up:
	// an upload whose name nobody learns could never be removed.
	lastWords = time.Second
)

// upload is a multipart upload.
type upload struct {
	c          *client
	u          uri.URI
	attributes *backend.Attributes
	id         string

	mu    sync.Mutex
	parts map[int]part
	torn  bool // a part ended without an answer: the service may store it yet
}

type part struct {
	etag     string // with its quotes, as the server gave it
	checksum string
	size     int64
}

// Create begins a multipart upload.
func (c *client) Create(ctx context.Context, u uri.URI, a *backend.Attributes) (backend.Upload, error) {
	header := describing(a)
	if c.protect(nil) != nil {
		header = append(header, wire.Field{Name: "x-amz-checksum-algorithm", Value: "CRC32C"})
	}
	return c.begin(ctx, u, a, header)
}

// begin begins an upload. One that began although it was given up meanwhile is
// returned all the same, so that it can be aborted.
func (c *client) begin(ctx context.Context, u uri.URI, a *backend.Attributes, header wire.Header) (backend.CopyUpload, error) {
	if err := ctx.Err(); err != nil {
		return nil, errs.From(err, "put", u.String())
	}
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastWords, cancel) })
	defer stop()
	r := &call{op: "put", u: u, method: http.MethodPost, key: true, query: "uploads=", header: header}
	text, _, err := c.document(patient, r)
	if err != nil && ctx.Err() != nil {
		return nil, errs.From(ctx.Err(), "put", u.String())
	}
	if err != nil {
		return nil, err
	}
	var answer struct {
		ID string `xml:"UploadId"`
	}
	if err := xml.Unmarshal(text, &answer); err != nil || answer.ID == "" {
		return nil, c.malformed(err, "put", u)
	}
	return &upload{c: c, u: u, attributes: a, id: answer.ID, parts: map[int]part{}}, nil
}

func (up *upload) PartSize(wanted int64) int64 { return min(max(wanted, minPart), maxPart) }

func (up *upload) WritePart(ctx context.Context, n int, data []byte) error {
	return up.part(n, func(query string) (part, error) {
		resp, err := up.c.do(ctx, &call{
			op: "put", u: up.u, method: http.MethodPut, key: true, query: query,
			header: up.c.protect(data), body: data, data: true,
		})
		if err != nil {
			return part{}, err
		}
		defer resp.Close()
		return part{resp.Header.Get("ETag"), resp.Header.Get("x-amz-checksum-crc32c"), int64(len(data))}, nil
	})
}

// part remembers what became of part n, which store sends with the query that names it.
func (up *upload) part(n int, store func(query string) (part, error)) error {
	if n < 0 || n >= maxParts {
		return errs.New(errs.Invalid, "put", up.u.String(), "an upload has at most %d parts", maxParts).
			WithHint("Raise the option part_size")
	}
	stored, err := store(query(param{"partNumber", strconv.Itoa(n + 1)}, param{"uploadId", up.id}))
	up.mu.Lock()
	defer up.mu.Unlock()
	if err != nil {
		up.torn = up.torn || errs.From(err, "", "").Status == 0
		return err
	}
	up.parts[n] = stored
	return nil
}

func (up *upload) Commit(ctx context.Context, parts int) (backend.Info, error) {
	if parts == 0 { // S3 has no uploads without parts
		if err := up.Abort(ctx); err != nil {
			return backend.Info{}, err
		}
		return up.c.Put(ctx, up.u, nil, up.attributes)
	}
	body, size, err := up.manifest(parts)
	if err != nil {
		return backend.Info{}, err
	}
	r := &call{op: "put", u: up.u, method: http.MethodPost, key: true, query: query(param{"uploadId", up.id}), body: body}
	text, resp, err := up.c.document(ctx, r)
	if errs.CodeOf(err) == errs.NotFound {
		return up.published(ctx, parts, size, err)
	}
	if err != nil {
		return backend.Info{}, err
	}
	var answer struct {
		XMLName xml.Name
		ETag    string
		document
	}
	if err := xml.Unmarshal(text, &answer); err != nil {
		return backend.Info{}, up.c.malformed(err, "put", up.u)
	}
	if answer.XMLName.Local == "Error" { // S3 says 200 before it knows
		return backend.Info{}, up.c.refusalFrom(ctx, r, answer.document, resp, nil).Error
	}
	return backend.Info{Size: size, ETag: web.Unquote(answer.ETag)}, nil
}

// manifest lists the parts.
func (up *upload) manifest(parts int) (body []byte, size int64, err error) {
	up.mu.Lock()
	defer up.mu.Unlock()
	var b bytes.Buffer
	b.WriteString(`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
	for n := range parts {
		p, ok := up.parts[n]
		if !ok {
			return nil, 0, errs.New(errs.Invalid, "put", up.u.String(), "part %d of %d was not written", n+1, parts)
		}
		fmt.Fprintf(&b, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag>", n+1, escapeXML(p.etag))
		if p.checksum != "" {
			fmt.Fprintf(&b, "<ChecksumCRC32C>%s</ChecksumCRC32C>", escapeXML(p.checksum))
		}
		b.WriteString("</Part>")
		size += p.size
	}
	b.WriteString("</CompleteMultipartUpload>")
	return b.Bytes(), size, nil
}

// published is for a commit of an upload that is gone: an earlier one, whose
// answer was lost, may have succeeded. The object then has the ETag that S3
// makes of those of the parts.
func (up *upload) published(ctx context.Context, parts int, size int64, gone error) (backend.Info, error) {
	info, err := up.c.stat(ctx, "put", up.u)
	if err != nil || info.Size != size || info.ETag != up.etag(parts) {
		return backend.Info{}, gone
	}
	return info, nil
}

// etag is the MD5 of the MD5s of the parts, and how many they are.
func (up *upload) etag(parts int) string {
	up.mu.Lock()
	defer up.mu.Unlock()
	sums := md5.New()
	for n := range parts {
		sum, err := hex.DecodeString(web.Unquote(up.parts[n].etag))
		if err != nil {
			return "" // not an MD5: there is no telling
		}
		sums.Write(sum)
	}
	return fmt.Sprintf("%x-%d", sums.Sum(nil), parts)
}

// Abort removes the parts. One that is torn may arrive behind the abort and
// bring the upload back: so the service is asked once more, a moment later.
func (up *upload) Abort(ctx context.Context) error {
	err := up.abort(ctx)
	up.mu.Lock()
	torn := up.torn
	up.torn = false
	up.mu.Unlock()
	if err != nil || !torn {
		return err
	}
	select {
	case <-ctx.Done():
		return errs.From(ctx.Err(), "put", up.u.String())
	case <-time.After(tornWait):
	}
	return up.abort(ctx)
}

func (up *upload) abort(ctx context.Context) error {
	err := up.c.finish(ctx, &call{op: "put", u: up.u, method: http.MethodDelete, key: true, query: query(param{"uploadId", up.id})})
	if errs.CodeOf(err) == errs.NotFound {
		return nil // it is gone
	}
	return err
}

func escapeXML(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}
