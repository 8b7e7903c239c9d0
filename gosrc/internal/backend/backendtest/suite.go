// Package backendtest is the conformance suite of the backends: it holds one to
// each promise in the comments of package backend. A backend's own tests call
// Run and add what is special about it.
package backendtest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// Suite says how to reach the store under test. What it is like (containers,
// directories) its registered driver tells.
type Suite struct {
	// New opens a client. All clients see the same objects.
	New func(t testing.TB) backend.Backend
	// Base names an empty place in an existing container or directory, another
	// one at each call. Its key ends in '/' or is empty.
	Base func(t testing.TB) uri.URI
	// Container names a container that does not exist and that the test may
	// create, another one at each call; nil where the driver has no Containers.
	Container func(t testing.TB) uri.URI
	// Refuses says which keys the store cannot hold; nil: none. Those are Invalid.
	Refuses func(key string) bool
	// StorageClass is one other than the default that the store knows, keeps and
	// tells; empty: none.
	StorageClass string
	// Identifiers is true where names of metadata must be those of identifiers;
	// others are Invalid.
	Identifiers bool
	// Continued is true where a listing can begin behind a key.
	Continued bool
	// PartSize is what to ask Upload.PartSize for; 0: 64 KiB. Stores with a minimum answer more.
	PartSize int64
	// Large is the size of the largest object; 0: about 24 MiB.
	Large int
}

// Run runs the whole suite.
func Run(t *testing.T, s Suite) {
	if s.PartSize == 0 {
		s.PartSize = 64 << 10
	}
	if s.Large == 0 {
		s.Large = 24<<20 + 12_345
	}
	tests := []struct {
		name string
		run  func(*place)
	}{
		{"PutAndGet", putAndGet},
		{"Missing", missing},
		{"MissingContainer", missingContainer},
		{"Empty", emptyObject},
		{"Overwrite", overwrite},
		{"PutKeepsNothing", putKeepsNothing},
		{"Delete", deleteObject},
		{"Keys", keys},
		{"LongKey", longKey},
		{"Large", large},
		{"Ranges", ranges},
		{"RangesOutside", rangesOutside},
		{"ReadInPieces", readInPieces},
		{"ETags", etags},
		{"Pinned", pinned},
		{"PutIsAtomic", putIsAtomic},
		{"ListRecursive", listRecursive},
		{"ListFolded", listFolded},
		{"ListPrefix", listPrefix},
		{"ListNothing", listNothing},
		{"ListOne", listOne},
		{"ListPages", listPages},
		{"ListEndedByPage", listEndedByPage},
		{"ListAfter", listAfter},
		{"Upload", uploadParts},
		{"UploadInvisible", uploadInvisible},
		{"UploadAgain", uploadAgain},
		{"UploadIncomplete", uploadIncomplete},
		{"UploadEmpty", uploadEmpty},
		{"UploadCancelled", uploadCancelled},
		{"Attributes", attributes},
		{"StorageClasses", storageClasses},
		{"Copies", copies},
		{"CopiesRefused", copiesRefused},
		{"CopiedParts", copiedParts},
		{"Directories", directories},
		{"Containers", containers},
		{"Cancelled", cancelled},
		{"DeadlinePassed", deadlinePassed},
		{"CancelledRead", cancelledRead},
		{"CancelledPut", cancelledPut},
		{"Concurrent", concurrent},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(s.place(t)) })
	}
}

// place is where one test works.
type place struct {
	*testing.T
	suite  Suite
	store  backend.Backend
	driver backend.Driver
	base   uri.URI
	ctx    context.Context
}

func (s Suite) place(t *testing.T) *place {
	base := s.Base(t)
	if !base.IsDir() {
		t.Fatalf("the base %s is not written as a directory", base)
	}
	_, driver, err := backend.Resolve("test", base.String())
	if err != nil {
		t.Fatal(err)
	}
	if s.Container == nil && driver.Containers() {
		t.Fatal("Suite.Container is missing")
	}
	return &place{T: t, suite: s, store: s.client(t), driver: driver, base: base, ctx: t.Context()}
}

func (s Suite) client(t testing.TB) backend.Backend {
	store := s.New(t)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return store
}

// at is the URI of a key below the base.
func (p *place) at(key string) uri.URI { return p.base.WithKey(p.base.Key + key) }

// ok fails the test at once if err is one.
func (p *place) ok(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// fails checks that err has one of the codes, and names the operation and u.
func (p *place) fails(err error, u uri.URI, codes ...errs.Code) {
	p.Helper()
	var e *errs.Error
	if !errors.As(err, &e) {
		p.Errorf("%s: got %v, want an error of code %v", u, err, codes)
		return
	}
	found := false
	for _, code := range codes {
		found = found || code == e.Code
	}
	switch {
	case !found:
		p.Errorf("%s: got code %v (%v), want %v", u, e.Code, err, codes)
	case e.Op == "" || e.URI != u.String():
		p.Errorf("the error says op %q, URI %q: want some op and %q", e.Op, e.URI, u)
	case e.Code == errs.NotFound && !strings.Contains(err.Error(), "not found"):
		p.Errorf("the text lacks \"not found\": %v", err)
	}
}

// absent is the outcome of deleting what is not there.
func (p *place) absent(err error, u uri.URI) {
	p.Helper()
	if p.driver.Directories {
		p.fails(err, u, errs.NotFound)
	} else {
		p.ok(err)
	}
}
