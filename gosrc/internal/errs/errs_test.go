package errs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestTextNamesEverything(t *testing.T) {
	e := Wrap(io.ErrUnexpectedEOF, Truncated, "get", "s3://b/k", "the body ended early").WithHint("Try again")
	e.Endpoint, e.Status, e.RequestID, e.Attempts = "http://h:1", 206, "R1", 3
	want := "get s3://b/k: the body ended early: unexpected EOF (endpoint http://h:1, HTTP 206, request R1, 3 attempts). Try again"
	if e.Error() != want {
		t.Errorf("got  %s\nwant %s", e.Error(), want)
	}
}

func TestFrom(t *testing.T) {
	inner := New(NotFound, "stat", "s3://b/k", "not found")
	for _, c := range []struct {
		err  error
		want Code
	}{
		{fmt.Errorf("wrapped: %w", inner), NotFound},
		{context.Canceled, Cancelled},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), Timeout},
		{errors.New("who knows"), Internal},
	} {
		if e := From(c.err, "get", "s3://b/k"); e.Code != c.want {
			t.Errorf("%v became %v, not %v", c.err, e.Code, c.want)
		}
	}
	if From(nil, "", "") != nil || CodeOf(nil) != OK {
		t.Error("no error became one")
	}
}

func TestRetryable(t *testing.T) {
	for code := range Count {
		e := New(code, "get", "", "x")
		want := strings.Contains(" truncated throttled timeout connection server ", " "+code.String()+" ")
		if e.Retryable() != want {
			t.Errorf("%v: retryable %v", code, e.Retryable())
		}
		e.Retry.Never = true
		if e.Retryable() {
			t.Errorf("%v is retried against advice", code)
		}
	}
}

func TestJSONCarriesTheChain(t *testing.T) {
	e := Wrap(fmt.Errorf("dial: %w", io.EOF), Connection, "get", "s3://b/k", "no connection")
	var got struct {
		Code     int
		Name     string
		Attempts int
		Message  string
		Causes   []string
	}
	if err := json.Unmarshal(e.JSON(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Code != int(Connection) || got.Name != "connection" || got.Attempts != 1 || len(got.Causes) != 2 || got.Causes[1] != "EOF" {
		t.Errorf("%+v", got)
	}
}
