package wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// echo answers with what it was sent, and says how it was sent.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has given up
	}
	w.Header()["X-Sent"] = []string{r.Method, r.Host, r.RequestURI, r.Header.Get("X-Some")}
	w.Header().Set("X-Encoding", strings.Join(r.TransferEncoding, ","))
	w.Write(body)
}

func standardClient(t *testing.T) (*http.Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(server.Close)
	transport := &Transport{Dial: 5 * time.Second, Stall: 5 * time.Second}
	t.Cleanup(transport.Close)
	return &http.Client{Transport: transport}, server
}

// Bodies of all sizes arrive whole, with a length and on connections that are used again.
func TestRoundTrip(t *testing.T) {
	client, server := standardClient(t)
	for _, size := range []int{0, 1, small, small + 1, writeChunk, 3*writeChunk + 17} {
		body := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		req, err := http.NewRequest(http.MethodPut, server.URL+"/a%2Fb/c?d=%20e", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Some", "value")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil || !bytes.Equal(got, body) || resp.StatusCode != 200 {
			t.Errorf("%d bytes: %v, %d bytes came back, %v", size, resp.Status, len(got), err)
		}
		sent := resp.Header["X-Sent"]
		if want := []string{"PUT", req.Host, "/a%2Fb/c?d=%20e", "value"}; !equal(sent, want) || resp.Header.Get("X-Encoding") != "" {
			t.Errorf("sent as %q in %q, want %q", sent, resp.Header.Get("X-Encoding"), want)
		}
		resp.Body.Close()
	}
	if idle := client.Transport.(*Transport).idle; len(idle[strings.TrimPrefix(server.URL, "http://")]) != 1 {
		t.Errorf("one connection should have served all: %v", idle)
	}
}

func equal(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }

func TestRoundTripHead(t *testing.T) {
	client, server := standardClient(t)
	resp, err := client.Head(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the body of an answer to HEAD: %d, %v", n, err)
	}
}

// A body that breaks off is an error of its own, and the server gets no whole one.
func TestRoundTripBrokenBody(t *testing.T) {
	client, server := standardClient(t)
	cause := errors.New("the disk is gone")
	body := io.MultiReader(bytes.NewReader(make([]byte, writeChunk)), brokenReader{cause})
	req, err := http.NewRequest(http.MethodPut, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 2 * writeChunk
	if _, err := client.Do(req); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

type brokenReader struct{ error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.error }

func TestRoundTripOtherScheme(t *testing.T) {
	client, server := standardClient(t)
	if _, err := client.Get(strings.Replace(server.URL, "http:", "https:", 1)); err == nil || !strings.Contains(err.Error(), "other scheme") {
		t.Errorf("got %v", err)
	}
}
