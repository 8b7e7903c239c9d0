package gcs

import (
	"fmt"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
)

// A page as the service sends it for the fields asked for:
//
//	go test -run '^$' -bench Decode ./gosrc/internal/backend/gcs
func BenchmarkDecodeList(b *testing.B) {
	const count = 1000
	var text strings.Builder
	text.WriteString("{\n  \"nextPageToken\": \"CgVk\",\n  \"items\": [\n")
	for i := range count {
		fmt.Fprintf(&text, "    {\n      \"name\": \"data/train/shard-%06d.tar\",\n      \"generation\": \"17000000000%05d\",\n      \"storageClass\": \"STANDARD\",\n"+
			"      \"size\": \"131072\",\n      \"updated\": \"2026-01-02T03:04:05.678Z\"\n    }%s\n", i, i, map[bool]string{true: ",", false: ""}[i < count-1])
	}
	text.WriteString("  ]\n}\n")
	data := []byte(text.String())
	for b.Loop() {
		var p page
		if err := jsonv2.Unmarshal(data, &p); err != nil {
			b.Fatal(err)
		}
		if entries, err := p.entries(""); err != nil || len(entries) != count {
			b.Fatalf("%d entries, %v", len(entries), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/count, "us/key")
}
