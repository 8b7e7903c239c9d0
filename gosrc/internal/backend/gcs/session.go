package gcs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// quantum is what the lengths of all chunks of a session but the last are multiples of.
const quantum = 256 << 10

// session is a resumable upload: a stream of bytes that the service collects
// until it is told how long the object is. It is used by one goroutine at a time.
type session struct {
	c      *client
	u      uri.URI
	target string     // path and query, with the session's name, which is as good as a credential
	stored int64      // bytes that the service has, as far as is known
	unsure bool       // an answer is missing: the service may have more
	result *described // once it is published
}

// begin begins a session.
func (c *client) begin(ctx context.Context, u uri.URI, a *backend.Attributes) (*session, error) {
	body, err := json.Marshal(describing(u, a))
	if err != nil {
		return nil, errs.From(err, "put", u.String())
	}
	resp, err := c.do(ctx, &call{
		op: "put", u: u, object: true, method: http.MethodPost, path: "/upload" + bucketPath(u) + "/o",
		query:  url.Values{"uploadType": {"resumable"}, "fields": {fields}},
		header: wire.Header{{Name: "content-type", Value: "application/json; charset=UTF-8"}}, body: body,
	})
	if err != nil {
		return nil, err
	}
	defer resp.Close()
	at, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || at.Path == "" || at.RawQuery == "" {
		return nil, c.malformed(errors.New("no address of the upload"), "put", u)
	}
	return &session{c: c, u: u, target: strings.TrimPrefix(at.RequestURI(), c.endpoint.EscapedPath())}, nil
}

// append adds data, a multiple of quantum, which begins at the given offset of
// the object. Of what is there already nothing is sent again.
func (s *session) append(ctx context.Context, offset int64, data []byte) error {
	end := offset + int64(len(data))
	for {
		if err := s.ask(ctx); err != nil {
			return err
		}
		switch {
		case s.stored >= end:
			return nil
		case s.result != nil || s.stored < offset:
			return s.lost(offset)
		}
		before := s.stored
		rest := data[before-offset:]
		if err := s.send(ctx, rest, fmt.Sprintf("bytes %d-%d/*", before, end-1), nil); err != nil {
			return err
		}
		if s.stored == before && s.result == nil {
			return s.nothing()
		}
	}
}

// close ends the object with data, which begins at the given offset, and publishes it.
func (s *session) close(ctx context.Context, offset int64, data []byte, sum string) (described, error) {
	total := offset + int64(len(data))
	hash := wire.Header{{Name: "x-goog-hash", Value: "crc32c=" + sum}}
	for s.result == nil {
		if err := s.ask(ctx); err != nil {
			return described{}, err
		}
		if s.result != nil {
			break
		}
		if s.stored < offset || s.stored > total {
			return described{}, s.lost(offset)
		}
		before := s.stored
		rest := data[before-offset:]
		span := fmt.Sprintf("bytes %d-%d/%d", before, total-1, total)
		if len(rest) == 0 {
			span = fmt.Sprintf("bytes */%d", total)
		}
		if err := s.send(ctx, rest, span, hash); err != nil {
			return described{}, err
		}
		if s.stored == before && s.result == nil {
			return described{}, s.nothing()
		}
	}
	if s.result.Size != total || s.result.crc32c != "" && s.result.crc32c != sum {
		return described{}, s.lost(total)
	}
	return *s.result, nil
}

// lost is a session that has not what it said that it had.
func (s *session) lost(offset int64) error {
	e := errs.New(errs.Server, "put", s.u.String(), "the service has other bytes of the upload than the %d that were sent", offset).
		WithHint("Write the object again")
	e.Endpoint = s.c.endpoint.String()
	e.Retry.Never = true
	return e
}

// nothing is a request of which the service has taken nothing. It need not: the
// bytes are to be sent again.
func (s *session) nothing() error {
	e := errs.New(errs.Server, "put", s.u.String(), "the service has taken nothing of what was sent")
	e.Endpoint, e.Status = s.c.endpoint.String(), http.StatusPermanentRedirect
	return e
}

// ask finds out how much the service has, where that is not known.
func (s *session) ask(ctx context.Context) error {
	if !s.unsure {
		return nil
	}
	return s.send(ctx, nil, "bytes */*", nil)
}

// send sends one request of the session and takes in the answer.
func (s *session) send(ctx context.Context, data []byte, span string, header wire.Header) error {
	s.unsure = true // until there is an answer
	r := &call{
		op: "put", u: s.u, method: http.MethodPut, path: s.target, also: http.StatusPermanentRedirect, body: data,
		header: append(header, wire.Field{Name: "content-range", Value: span}), once: true, lacks: uploadMissing,
	}
	resp, err := s.c.do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Close()
	if resp.Status != http.StatusPermanentRedirect {
		o, err := s.c.description(resp, r)
		if err != nil {
			return err
		}
		s.unsure, s.stored, s.result = false, o.Size, &o
		return nil
	}
	stored := int64(0)
	if text := resp.Header.Get("Range"); text != "" {
		last, err := strconv.ParseInt(strings.TrimPrefix(text, "bytes=0-"), 10, 64)
		if err != nil {
			return s.c.malformed(errors.New("bad Range"), "put", s.u)
		}
		stored = last + 1
	}
	s.unsure, s.stored = false, stored
	return nil
}

// clientClosed is how the service confirms that a session is given up, and what it says of it then.
const clientClosed = 499

// cancel gives the session up. What it says to that is of no interest, if only it is gone.
func (s *session) cancel(ctx context.Context) error {
	err := s.c.finish(ctx, &call{op: "put", u: s.u, method: http.MethodDelete, path: s.target, also: clientClosed, lacks: uploadMissing})
	if errs.CodeOf(err) == errs.NotFound {
		return nil
	}
	return err
}
