package fetch

import (
	"context"
	"testing"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func init() {
	backend.Register(backend.Driver{
		Scheme: "ill",
		Diagnose: func(_ context.Context, cfg *config.Config, u uri.URI) []backend.Finding {
			return []backend.Finding{backend.Found("it", backend.Warn, "%s in %q", u.Key, cfg.Region).WithFix("Mend it")}
		},
	})
}

// A diagnosis comes from the driver, with the client's configuration; a driver without one has nothing to say.
func TestDiagnose(t *testing.T) {
	_, c := newFake(t)
	for text, want := range map[string]string{
		"ill://b/k":  `[{"check":"it","level":"warn","text":"k in \"\"","fix":"Mend it"}]`,
		"fake://b/k": `[]`,
	} {
		items, _, err := open(t, c, Diagnose, requestList{{URI: text, Size: -1, Length: -1}}, defaults()).Next(1, 1, time.Minute)
		if err != nil || len(items) != 1 || items[0].Err != nil || string(items[0].Text) != want {
			t.Errorf("%s: %+v, %v", text, items, err)
		}
	}
}

// An item tells how long its work took, and not how long it waited to be taken.
func TestTook(t *testing.T) {
	f, c := newFake(t)
	f.put("k", []byte("k"))
	const work = 30 * time.Millisecond
	f.onOpen = func(string, backend.Range) { time.Sleep(work) }
	begun := time.Now()
	items, _, err := open(t, c, Get, reads("k"), defaults()).Next(1, 1, time.Minute)
	if err != nil || len(items) != 1 || items[0].Took < work || items[0].Took > time.Since(begun) {
		t.Errorf("%+v, %v", items, err)
	}
}
