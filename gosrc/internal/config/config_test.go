package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestDefaultsAndValues(t *testing.T) {
	c, err := Parse([]byte(`{"region":"eu-1","request_timeout":1.5,"env":{"A":"","B":"b"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Region != "eu-1" || c.RequestTimeout.Duration() != 1500*time.Millisecond || c.RetryTimeout.Duration() != 90*time.Second {
		t.Errorf("%+v", c)
	}
	if c.Getenv("A", "B") != "b" || c.Getenv("C") != "" {
		t.Error("the first variable that is set and not empty counts")
	}
}

func TestRefusals(t *testing.T) {
	for text, want := range map[string]string{
		`{"regoin":"x"}`:           "regoin",
		`{"strategy":"magic"}`:     "magic",
		`{"connect_timeout":0}`:    "connect_timeout",
		`{"retry_timeout":-1}`:     "retry_timeout",
		`{"max_attempts":"many"}`:  "max_attempts",
		`nonsense`:                 "malformed",
		`{"user_agent":"a\r\nb"}`:  "user_agent",
		`{"user_agent":"d\u00e9"}`: "user_agent",
		`{"user_agent":"\u007f"}`:  "user_agent",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSecretsPrintRedacted(t *testing.T) {
	s := Secret("hunter2")
	text, err := json.Marshal(map[string]any{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s), string(text)} {
		if strings.Contains(shown, "hunter2") {
			t.Errorf("shown: %s", shown)
		}
	}
	if s.Reveal() != "hunter2" {
		t.Error("lost")
	}
}
