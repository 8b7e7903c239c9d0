package s3

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
)

const sample = `<?xml version="1.0" encoding="UTF-8"?>
<!-- > a comment < -->
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/><KeyCount>3</KeyCount>
<Contents><Key>a%2Fb+c%2Bd</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;abc-2&quot;</ETag><Size>12</Size>
<Owner><ID>x</ID><DisplayName/></Owner><StorageClass>STANDARD</StorageClass></Contents>
<Contents><Key>a%26%3C</Key><Size>0</Size><ETag>"plain"</ETag><Unknown a="1"><Key>no</Key></Unknown></Contents>
<CommonPrefixes><Prefix>a%2Fa%2F</Prefix></CommonPrefixes>
<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b&#65;&#x42;=</NextContinuationToken><EncodingType>url</EncodingType></ListBucketResult>`

func TestParseListing(t *testing.T) {
	l, err := parseListing(sample)
	if err != nil {
		t.Fatal(err)
	}
	want := []backend.Entry{
		{Key: "a/b c+d", Size: 12, ETag: "abc-2", ModTime: time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC), StorageClass: "STANDARD"},
		{Key: "a&<", Size: 0, ETag: "plain"},
		{Key: "a/a/", Size: -1},
	}
	if !slices.Equal(l.entries, want) || !l.truncated || l.next != "a&bAB=" {
		t.Errorf("%+v", l)
	}
	if got := inOrder(l.entries); got[0].Key != "a&<" || got[1].Key != "a/a/" {
		t.Errorf("in order: %+v", got)
	}
	plain, err := parseListing(strings.Replace(sample, "<EncodingType>url</EncodingType>", "", 1))
	if err != nil || plain.entries[0].Key != "a%2Fb+c%2Bd" {
		t.Errorf("without an encoding: %+v, %v", plain.entries, err)
	}
}

func TestParseRestores(t *testing.T) {
	l, err := parseListing(`<ListBucketResult><Contents><Key>a</Key><RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus></Contents>
<Contents><Key>b</Key><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>2012-12-21T00:00:00.000Z</RestoreExpiryDate>
</RestoreStatus><StorageClass>GLACIER</StorageClass></Contents><Contents><Key>c</Key></Contents></ListBucketResult>`)
	if err != nil || len(l.entries) != 3 {
		t.Fatal(l, err)
	}
	a, b, c := l.entries[0].Restore, l.entries[1].Restore, l.entries[2].Restore
	if *a != (backend.Restore{InProgress: true}) || *b != (backend.Restore{Expiry: 1356048000}) || c != nil || l.entries[1].StorageClass != "GLACIER" {
		t.Errorf("%v, %v, %v", a, b, c)
	}
}

func TestRestoreHeader(t *testing.T) {
	for value, want := range map[string]backend.Restore{
		`ongoing-request="true"`: {InProgress: true},
		`ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`: {Expiry: 1356048000},
		`ongoing-request="false"`:                     {},
		`expiry-date="soon", ongoing-request="false"`: {},
	} {
		if got := describe(wire.Header{{Name: "X-Amz-Restore", Value: value}}, 1).Restore; got == nil || *got != want {
			t.Errorf("%s: %+v, want %+v", value, got, want)
		}
	}
}

func TestParseListingRefuses(t *testing.T) {
	for _, text := range []string{
		"", "<html></html>", "<ListBucketResult>", "<ListBucketResult><Contents><Key>a</Contents></ListBucketResult>",
		"<ListBucketResult><Contents><Key>a</Key><Size>many</Size></Contents></ListBucketResult>",
		"<ListBucketResult><Contents><Key>a&nbsp;</Key></Contents></ListBucketResult>",
		"<ListBucketResult><Contents><LastModified>today</LastModified></Contents></ListBucketResult>",
		"<!DOCTYPE x><ListBucketResult></ListBucketResult>",
		"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%zz</Key></Contents></ListBucketResult>",
		sample[:len(sample)/2],
	} {
		if l, err := parseListing(text); err == nil {
			t.Errorf("%.60q was taken for %+v", text, l)
		}
	}
}

// Whatever both read, they read alike.
func FuzzParseListing(f *testing.F) {
	f.Add(sample)
	f.Add("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>")
	f.Fuzz(func(t *testing.T, text string) {
		ours, err := parseListing(text)
		var theirs struct {
			XMLName  xml.Name `xml:"ListBucketResult"`
			Contents []struct{ Key string }
			Encoding string `xml:"EncodingType"`
		}
		if err != nil || ours.encoded || strings.Contains(text, "\r") || xml.Unmarshal([]byte(text), &theirs) != nil {
			return
		}
		var keys []string
		for _, e := range ours.entries {
			if e.Size >= 0 {
				keys = append(keys, e.Key)
			}
		}
		for i, c := range theirs.Contents {
			if i >= len(keys) || c.Key != keys[i] {
				t.Errorf("%q: %q, want %+v", text, keys, theirs.Contents)
				return
			}
		}
	})
}

func BenchmarkParseListing(b *testing.B) {
	var text strings.Builder
	text.WriteString("<ListBucketResult><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>")
	for i := range 1000 {
		fmt.Fprintf(&text, "<Contents><Key>data/train/part-%06d.npz</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified>"+
			"<ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><Size>131072</Size><StorageClass>STANDARD</StorageClass></Contents>", i)
	}
	text.WriteString("</ListBucketResult>")
	for b.Loop() {
		if _, err := parseListing(text.String()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "us/key")
}
