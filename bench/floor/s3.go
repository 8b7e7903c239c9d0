package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"

	"github.com/minio/minio-go/v7/pkg/signer"
)

const (
	connections = 16
	part        = 8 << 20
)

var client = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: connections,
		DisableCompression:  true,
		TLSClientConfig:     &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS13},
	}}
})

// trust adds the authority of the task's endpoint.
func trust(t *task) {
	if t.CA == "" {
		return
	}
	pem, err := os.ReadFile(t.CA)
	if err != nil {
		fail(err)
	}
	client().Transport.(*http.Transport).TLSClientConfig.RootCAs.AppendCertsFromPEM(pem)
}

// send makes a request, signed where there are credentials, with an unsigned payload.
func (t *task) send(method, key string, query url.Values, header http.Header, body []byte) (*http.Response, error) {
	address := t.Endpoint + "/" + t.Bucket + "/" + key
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequest(method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if header != nil {
		request.Header = header
	}
	if t.AccessKey != "" {
		request.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		request = signer.SignV4(*request, t.AccessKey, t.SecretKey, "", t.Region)
	}
	response, err := client().Do(request)
	if err == nil && response.StatusCode >= 300 {
		_ = response.Body.Close()
		err = fmt.Errorf("%s %s: %s", method, address, response.Status)
	}
	return response, err
}

// read fills memory from an object, from offset on; the whole object where offset is negative.
func (t *task) read(key string, offset int, memory []byte) error {
	var header http.Header
	if offset >= 0 {
		header = http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", offset, offset+len(memory)-1)}}
	}
	response, err := t.send(http.MethodGet, key, nil, header, nil)
	if err != nil {
		return err
	}
	_, err = io.ReadFull(response.Body, memory)
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body) // the end of the body: only then is the connection used again
	}
	return firstOf(err, response.Body.Close())
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// objects reads each object into memory that its goroutine uses again and again.
func objects(t *task) func() (delivered, error) {
	trust(t)
	return func() (delivered, error) {
		memory := make([][]byte, connections)
		sum, err := each(t.Count, connections, func(worker, number int) (uint64, error) {
			if memory[worker] == nil {
				memory[worker] = make([]byte, t.Size)
			}
			err := t.read(t.key(number), -1, memory[worker])
			return t.sum(memory[worker]), err
		})
		return delivered{t.Count, t.Count * t.Size, sum}, err
	}
}

// whole reads an object in concurrent ranges into new memory.
func whole(t *task) func() (delivered, error) {
	trust(t)
	return func() (delivered, error) { return t.ranges(make([]byte, t.Size)) }
}

// reused reads it into memory whose pages have been touched.
func reused(t *task) func() (delivered, error) {
	trust(t)
	memory := make([]byte, t.Size)
	for at := 0; at < len(memory); at += os.Getpagesize() {
		memory[at] = 1
	}
	return func() (delivered, error) { return t.ranges(memory) }
}

func (t *task) ranges(memory []byte) (delivered, error) {
	_, err := each((t.Size+part-1)/part, connections, func(_, number int) (uint64, error) {
		start := number * part
		return 0, t.read(t.key(0), start, memory[start:min(start+part, t.Size)])
	})
	return delivered{1, t.Size, t.sum(memory)}, err
}

// listing counts keys with the standard library's decoder.
func listing(t *task) func() (delivered, error) {
	trust(t)
	return func() (delivered, error) {
		var found delivered
		query := url.Values{"list-type": {"2"}, "prefix": {t.Prefix}}
		for {
			var page struct {
				Contents              []struct{ Key string }
				IsTruncated           bool
				NextContinuationToken string
			}
			response, err := t.send(http.MethodGet, "", query, nil, nil)
			if err != nil {
				return found, err
			}
			if err := firstOf(xml.NewDecoder(response.Body).Decode(&page), response.Body.Close()); err != nil {
				return found, err
			}
			found.Items += len(page.Contents)
			if !page.IsTruncated {
				return found, nil
			}
			query.Set("continuation-token", page.NextContinuationToken)
		}
	}
}

func (t *task) store(key string, query url.Values, data []byte) (string, error) {
	response, err := t.send(http.MethodPut, key, query, nil, data)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.Header.Get("ETag"), firstOf(err, response.Body.Close())
}

// put stores each object in one request.
func put(t *task) func() (delivered, error) {
	trust(t)
	content := make([][]byte, t.Count)
	for number := range content {
		content[number] = made(number, t.Size)
	}
	return func() (delivered, error) {
		_, err := each(t.Count, connections, func(_, number int) (uint64, error) {
			_, err := t.store(t.key(number), nil, content[number])
			return 0, err
		})
		return delivered{Items: t.Count, Bytes: t.Count * t.Size}, err
	}
}

type uploadedPart struct {
	XMLName    xml.Name `xml:"Part"`
	PartNumber int
	ETag       string
}

// upload stores an object in concurrent parts.
func upload(t *task) func() (delivered, error) {
	trust(t)
	content := made(0, t.Size)
	return func() (delivered, error) {
		var begun struct {
			UploadID string `xml:"UploadId"`
		}
		response, err := t.send(http.MethodPost, t.key(0), url.Values{"uploads": {""}}, nil, nil)
		if err != nil {
			return delivered{}, err
		}
		if err := firstOf(xml.NewDecoder(response.Body).Decode(&begun), response.Body.Close()); err != nil {
			return delivered{}, err
		}
		parts := make([]uploadedPart, (t.Size+part-1)/part)
		_, err = each(len(parts), connections, func(_, number int) (uint64, error) {
			start := number * part
			query := url.Values{"uploadId": {begun.UploadID}, "partNumber": {strconv.Itoa(number + 1)}}
			etag, err := t.store(t.key(0), query, content[start:min(start+part, t.Size)])
			parts[number] = uploadedPart{PartNumber: number + 1, ETag: etag}
			return 0, err
		})
		if err != nil {
			return delivered{}, err
		}
		return delivered{Items: 1, Bytes: t.Size}, t.complete(begun.UploadID, parts)
	}
}

func (t *task) complete(id string, parts []uploadedPart) error {
	body, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"CompleteMultipartUpload"`
		Parts   []uploadedPart
	}{Parts: parts})
	if err != nil {
		return err
	}
	response, err := t.send(http.MethodPost, t.key(0), url.Values{"uploadId": {id}}, nil, body)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return firstOf(err, response.Body.Close())
}
