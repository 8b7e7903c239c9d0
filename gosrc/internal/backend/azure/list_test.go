package azure

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
)

// Answers of a few entries give the same listing.
func TestSmallPages(t *testing.T) {
	server := testservers.SharedAzurite(t)
	cfg := configured()
	cfg.Env = server.Env()
	store, err := open(t.Context(), cfg, server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	u := object.WithKey("")
	u.Container = "small-pages-" + strings.ToLower(rand.Text())
	if err := store.CreateContainer(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "b/1", "b/2", "b/3", "b0", "c/x/y", "d", "e"}
	for _, key := range want {
		if _, err := store.Put(t.Context(), u.WithKey(key), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	defer func(size int) { pageSize = size }(pageSize)
	for pageSize = 1; pageSize < 4; pageSize++ {
		for recursive, want := range map[bool][]string{true: want, false: {"a", "b/", "b0", "c/", "d", "e"}} {
			var got []string
			pages := 0
			err := store.List(t.Context(), u, recursive, func(entries []backend.Entry) error {
				pages++
				for _, e := range entries {
					got = append(got, e.Key)
				}
				return nil
			})
			if err != nil || !slices.Equal(got, want) || pages < len(want)/pageSize {
				t.Errorf("%d at a time, recursive %v: %q in %d pages, %v", pageSize, recursive, got, pages, fmt.Sprint(err))
			}
		}
	}
}
