package azure

import (
	"hash/crc64"
	"testing"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/backendtest"
)

const someListing = "\ufeff" + `<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://a.blob.core.windows.net/" ContainerName="c">
<Prefix>p/</Prefix><Marker/><MaxResults>5000</MaxResults><Delimiter>/</Delimiter><Blobs>
<Blob><Name>p/a &amp; b</Name><Properties><Creation-Time>Sun, 22 Nov 2026 10:00:00 GMT</Creation-Time><Last-Modified>Sun, 22 Nov 2026 11:00:00 GMT</Last-Modified>
<Etag>0x8DE1</Etag><Content-Length>12</Content-Length><Content-Type>text/plain</Content-Type><AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred></Properties><OrMetadata /></Blob>
<Blob><Name Encoded="true">p/%EF%BF%BE%20c</Name><Properties><Last-Modified>Sun, 22 Nov 2026 11:00:00 GMT</Last-Modified><Etag>"0x8DE2"</Etag>
<Content-Length>0</Content-Length><AccessTier>Archive</AccessTier><ArchiveStatus>rehydrate-pending-to-hot</ArchiveStatus></Properties></Blob>
<Blob><Name>p/directory</Name><Properties><Etag>0x8DE3</Etag><ResourceType>directory</ResourceType><Content-Length>0</Content-Length></Properties></Blob>
<BlobPrefix><Name>p/deeper/</Name><Properties><Etag>0x8DE4</Etag><ResourceType>directory</ResourceType><Content-Length>0</Content-Length></Properties></BlobPrefix>
</Blobs><NextMarker>2!84!x</NextMarker></EnumerationResults>`

func TestParseListing(t *testing.T) {
	l, err := parseListing(someListing)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)
	want := []backend.Entry{
		{Key: "p/a & b", Size: 12, ETag: "0x8DE1", ModTime: at},
		{Key: "p/\ufffe c", Size: 0, ETag: "0x8DE2", ModTime: at, StorageClass: "Archive", Restore: &backend.Restore{InProgress: true}},
		{Key: "p/deeper/", Size: -1},
	}
	if l.next != "2!84!x" || len(l.entries) != len(want) {
		t.Fatalf("%+v", l)
	}
	for i, e := range l.entries {
		if (e.Restore == nil) != (want[i].Restore == nil) || e.Restore != nil && *e.Restore != *want[i].Restore {
			t.Errorf("entry %d: restored %+v", i, e.Restore)
		}
		e.Restore, want[i].Restore = nil, nil
		if e != want[i] {
			t.Errorf("entry %d: %+v; want %+v", i, e, want[i])
		}
	}
	for _, text := range []string{"", "<html></html>", "<EnumerationResults><Blobs><Blob><Name>a</Blobs>", `<EnumerationResults><Blobs><Blob><Name>a</Name><Properties><Content-Length>x</Content-Length></Properties></Blob></Blobs></EnumerationResults>`} {
		if _, err := parseListing(text); err == nil {
			t.Errorf("%q is taken for a listing", text)
		}
	}
}

// ofService is Azure's polynomial.
var ofService = crc64.MakeTable(0x9A6C9329AC4BC9B5)

// The checksum is that of the service.
func TestChecksum(t *testing.T) {
	data := backendtest.Content(1, 100_003)
	if got, want := crc64nvme.Checksum(data), crc64.Checksum(data, ofService); got != want {
		t.Errorf("%x, want %x", got, want)
	}
}
