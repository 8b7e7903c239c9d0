package guard

import (
	"errors"
	"strings"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func TestPanicBecomesAnError(t *testing.T) {
	err := Run("get", "s3://b/k", func() error { panic("boom") })
	if errs.CodeOf(err) != errs.Internal || !strings.Contains(err.Error(), "boom") || !strings.Contains(err.Error(), "s3://b/k") {
		t.Errorf("%v", err)
	}
	plain := errors.New("plain")
	if got := Run("get", "", func() error { return plain }); !errors.Is(got, plain) {
		t.Errorf("%v", got)
	}
}

func TestGoroutinePanicIsReported(t *testing.T) {
	reported := make(chan error)
	Go("get", "", func() {
		panic("boom")
	}, func(err error) { reported <- err })
	if err := <-reported; errs.CodeOf(err) != errs.Internal {
		t.Errorf("%v", err)
	}
}
