package azure

import (
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
	"github.com/minio/crc64nvme"
)

// answered is a transport without a network: an answer of the size that Azure's have.
type answered struct{}

func (answered) Do(r *http.Request) (*http.Response, error) {
	h := http.Header{}
	for _, name := range []string{"Server", "Content-Type", "x-ms-request-id", "x-ms-version", "x-ms-lease-status", "x-ms-lease-state", "x-ms-blob-type"} {
		h.Set(name, "value")
	}
	h.Set("ETag", `"0x8DCD2B3C4D5E6F7"`)
	h.Set("Content-Length", "131072")
	h.Set("Date", "Fri, 02 Jan 2026 03:04:05 GMT")
	return &http.Response{StatusCode: http.StatusOK, Header: h, Body: http.NoBody, Request: r}, nil
}

// BenchmarkRequest is what a GET costs besides the exchange itself, through
// azblob and as Open does it:
//
//	go test -run '^$' -bench . ./gosrc/internal/backend/azure
func BenchmarkRequest(b *testing.B) {
	cred, err := service.NewSharedKeyCredential("account1", aKey)
	if err != nil {
		b.Fatal(err)
	}
	options := &service.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: answered{}, Retry: policy.RetryOptions{MaxRetries: -1}}}
	azblob, err := service.NewClientWithSharedKeyCredential("https://account1.blob.core.windows.net", cred, options)
	if err != nil {
		b.Fatal(err)
	}
	store, err := open(b.Context(), configured(name, "account1", key, aKey), "https://account1.blob.core.windows.net")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("azblob", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := azblob.NewContainerClient(object.Container).NewBlockBlobClient(object.Key).DownloadStream(b.Context(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		c := store.(*client)
		for b.Loop() {
			if _, _, err := c.request(b.Context(), c.target(object), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkListing reads a page of 5000 objects, as azblob and as List does it.
func BenchmarkListing(b *testing.B) {
	const one = `<Blob><Name>data/%06d</Name><Properties><Creation-Time>Fri, 02 Jan 2026 03:04:05 GMT</Creation-Time><Last-Modified>Fri, 02 Jan 2026 03:04:05 GMT</Last-Modified>` +
		`<Etag>0x8DCD2B3C4D5E6F7</Etag><Content-Length>131072</Content-Length><Content-Type>application/octet-stream</Content-Type><Content-Encoding /><Content-Language />` +
		`<Content-CRC64 /><Content-MD5>rL0Y20zC+Fzt72VPzMSk2A==</Content-MD5><Cache-Control /><Content-Disposition /><BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier>` +
		`<AccessTierInferred>true</AccessTierInferred><LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState><ServerEncrypted>true</ServerEncrypted></Properties><OrMetadata /></Blob>`
	var text strings.Builder
	text.WriteString("<EnumerationResults><Blobs>")
	for i := range asked {
		fmt.Fprintf(&text, one, i)
	}
	text.WriteString("</Blobs><NextMarker /></EnumerationResults>")
	page := text.String()
	b.Run("azblob", func(b *testing.B) {
		for b.Loop() {
			var l container.ListBlobsFlatSegmentResponse
			if err := xml.Unmarshal([]byte(page), &l); err != nil || len(l.Segment.BlobItems) != asked {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			if l, err := parseListing(page); err != nil || len(l.entries) != asked {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkChecksum is what the checksum of a block costs, as azblob computes
// it and with vector instructions.
func BenchmarkChecksum(b *testing.B) {
	block := make([]byte, 8<<20)
	b.Run("azblob", func(b *testing.B) {
		b.SetBytes(int64(len(block)))
		for b.Loop() {
			crc64.Checksum(block, ofService)
		}
	})
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(int64(len(block)))
		for b.Loop() {
			crc64nvme.Checksum(block)
		}
	})
}
