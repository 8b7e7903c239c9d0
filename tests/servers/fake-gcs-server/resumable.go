package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
)

// resumable keeps count of what the sessions behind it have got.
type resumable struct {
	inner http.Handler

	mu       sync.Mutex
	sessions map[string]*session
}

type session struct {
	mu     sync.Mutex
	stored int64
	done   *httptest.ResponseRecorder // the answer to its end
	gone   bool
}

const quantum = 256 << 10 // of all chunks but the last

func (s *resumable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("upload_id")
	if id == "" || r.Method != http.MethodPut && r.Method != http.MethodDelete {
		s.inner.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	one := s.sessions[id]
	if one == nil {
		one = &session{}
		s.sessions[id] = one
	}
	s.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	switch {
	case one.gone:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodDelete && one.done == nil:
		one.gone = true
		w.WriteHeader(499)
	case one.done != nil:
		replay(w, one.done)
	default:
		one.put(w, r, s.inner)
	}
}

// put takes a chunk, or says how far the session is.
func (one *session) put(w http.ResponseWriter, r *http.Request, inner http.Handler) {
	body, err := io.ReadAll(r.Body)
	if err != nil { // what broke off is not stored
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	from, end, total, err := contentRange(r.Header.Get("Content-Range"))
	switch {
	case err != nil, from >= 0 && end-from != int64(len(body)), from < 0 && len(body) > 0:
		http.Error(w, "Content-Range and body do not agree", http.StatusBadRequest)
		return
	case from < 0 && total != one.stored: // a question, or an end that is not there yet
		one.tell(w)
		return
	case total < 0 && len(body)%quantum != 0:
		http.Error(w, "the chunk is no multiple of 256 KiB", http.StatusBadRequest)
		return
	case from > one.stored, from >= 0 && end <= one.stored && total != end:
		one.tell(w)
		return
	case from >= 0 && from < one.stored:
		body, from = body[one.stored-from:], one.stored
	}
	if from >= 0 && len(body) > 0 {
		to := "*"
		if total >= 0 {
			to = strconv.FormatInt(total, 10)
		}
		r.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%s", from, end-1, to))
	} else {
		r.Header.Set("Content-Range", fmt.Sprintf("bytes */%d", total))
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := httptest.NewRecorder()
	inner.ServeHTTP(answer, r)
	switch answer.Code {
	case http.StatusPermanentRedirect:
		one.stored += int64(len(body))
		one.tell(w)
		return
	case http.StatusOK, http.StatusCreated:
		one.done = answer
	}
	replay(w, answer)
}

// tell says how much there is.
func (one *session) tell(w http.ResponseWriter) {
	if one.stored > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", one.stored-1))
	}
	w.WriteHeader(http.StatusPermanentRedirect)
}

func replay(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the client may have gone
}

// contentRange reads "bytes 0-9/*", "bytes 0-9/10", "bytes */10" and "bytes */*"; what is not known is -1.
func contentRange(text string) (from, end, total int64, err error) {
	span, all, ok := strings.Cut(strings.TrimPrefix(text, "bytes "), "/")
	from, end, total = -1, -1, -1
	if !ok {
		return from, end, total, fmt.Errorf("bad Content-Range %q", text)
	}
	if all != "*" {
		if total, err = strconv.ParseInt(all, 10, 64); err != nil {
			return from, end, total, err
		}
	}
	if span == "*" {
		return from, end, total, nil
	}
	first, last, _ := strings.Cut(span, "-")
	if from, err = strconv.ParseInt(first, 10, 64); err != nil {
		return from, end, total, err
	}
	end, err = strconv.ParseInt(last, 10, 64)
	return from, end + 1, total, err
}
