package uri

import (
	"strings"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	for text, want := range map[string]URI{
		"s3://b/k":                {"s3", "b", "k"},
		"s3://b":                  {"s3", "b", ""},
		"s3://b/a//b/../ü %2F+#?": {"s3", "b", "a//b/../ü %2F+#?"},
		"file:///a/b c":           {"file", "", "/a/b c"},
		"direct:///":              {"direct", "", "/"},
		"mem://c/.hidden/":        {"mem", "c", ".hidden/"},
	} {
		u, err := Parse(text)
		if err != nil || u != want {
			t.Errorf("%q: %+v, %v", text, u, err)
		}
		if back := u.String(); back != text && back != text+"/" {
			t.Errorf("%q came back as %q", text, back)
		}
	}
}

func TestMalformed(t *testing.T) {
	for text, hint := range map[string]string{
		"":            "s3://bucket",
		"/data/x":     "file:///data/x",
		"data":        "scheme",
		"://b/k":      "scheme",
		"1x://b/k":    "scheme",
		"s3://b/\x00": "NUL",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("s3://b/k")
	f.Add("file:///x")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(u.String())
		if err != nil || again != u {
			t.Errorf("%q parsed as %+v and again as %+v, %v", text, u, again, err)
		}
	})
}
