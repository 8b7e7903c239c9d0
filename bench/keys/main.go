// Command keys is an S3 service with any number of tiny objects, for measuring the memory of clients: the bucket has the
// prefixes "<n>/" with n objects each, all of the same content.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
)

const pageSize = 1000

func main() {
	port := flag.Int("port", 0, "port to listen on")
	size := flag.Int("size", 4096, "bytes in an object")
	flag.Parse()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	body := bytes.Repeat([]byte("s3dlio. "), *size/8+1)[:*size]
	err = http.Serve(listener, http.HandlerFunc(func(out http.ResponseWriter, request *http.Request) {
		out.Header().Set("ETag", `"constant"`)
		switch query := request.URL.Query(); {
		case query.Has("list-type"):
			list(out, query.Get("prefix"), query.Get("continuation-token"), *size)
		case strings.Count(request.URL.Path, "/") < 3:
			_, _ = io.WriteString(out, "<ListAllMyBucketsResult/>")
		default:
			out.Header().Set("Content-Length", strconv.Itoa(*size))
			_, _ = out.Write(body)
		}
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// list answers a page of a listing; the continuation token is the number of its first key.
func list(out io.Writer, prefix, token string, size int) {
	count, err := strconv.Atoi(strings.TrimSuffix(prefix, "/"))
	if err != nil {
		count = 8 // what clients warm up with
	}
	first, _ := strconv.Atoi(token)
	last := min(first+pageSize, count)
	var page bytes.Buffer
	fmt.Fprintf(&page, "<ListBucketResult><Prefix>%s</Prefix><KeyCount>%d</KeyCount>", prefix, last-first)
	for number := first; number < last; number++ {
		fmt.Fprintf(&page, "<Contents><Key>%s%09d</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"+
			"<ETag>&#34;constant&#34;</ETag><Size>%d</Size></Contents>", prefix, number, size)
	}
	if last < count {
		fmt.Fprintf(&page, "<IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>", last)
	} else {
		page.WriteString("<IsTruncated>false</IsTruncated>")
	}
	page.WriteString("</ListBucketResult>")
	_, _ = out.Write(page.Bytes())
}
