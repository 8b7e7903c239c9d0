package backend

import (
	"fmt"
	"strings"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// Level says how good a finding is.
type Level string

// The levels: Note is a fact that is neither good nor bad.
const (
	Note Level = "note"
	Fine Level = "ok"
	Warn Level = "warn"
	Fail Level = "fail"
)

// Finding is one thing that a diagnosis has found out. It holds no secret.
type Finding struct {
	Check string         `json:"check"` // "credentials", "clock", ...
	Level Level          `json:"level"`
	Text  string         `json:"text"`
	Fix   string         `json:"fix,omitempty"` // what to do about it
	Facts map[string]any `json:"facts,omitempty"`
}

// Found makes a finding.
func Found(check string, level Level, format string, args ...any) Finding {
	return Finding{Check: check, Level: level, Text: fmt.Sprintf(format, args...)}
}

// WithFix says what to do.
func (f Finding) WithFix(format string, args ...any) Finding {
	f.Fix = fmt.Sprintf(format, args...)
	return f
}

// WithFacts adds numbers and names for programs.
func (f Finding) WithFacts(facts map[string]any) Finding {
	f.Facts = facts
	return f
}

// Findings collects what a diagnosis finds out.
type Findings []Finding

// Add adds a finding.
func (f *Findings) Add(found Finding) { *f = append(*f, found) }

// Failed notes an error in its own words.
func (f *Findings) Failed(check string, err error) {
	e := errs.From(err, "", "")
	text := e.Msg
	if e.Cause != nil && !strings.Contains(text, e.Cause.Error()) {
		text += ": " + e.Cause.Error()
	}
	f.Add(Found(check, Fail, "%s", text).WithFix("%s", e.Hint))
}
