package main

import (
	"sync"
	"sync/atomic"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// lastHandle numbers the handles of all tables: none is ever used twice.
var lastHandle atomic.Uint64

// table maps handles to what they stand for.
type table[T any] struct {
	kind string
	mu   sync.RWMutex
	m    map[uint64]T
}

func newTable[T any](kind string) *table[T] {
	return &table[T]{kind: kind, m: map[uint64]T{}}
}

func (t *table[T]) add(v T) uint64 {
	h := lastHandle.Add(1)
	t.mu.Lock()
	t.m[h] = v
	t.mu.Unlock()
	return h
}

func (t *table[T]) get(h uint64) (T, error) {
	t.mu.RLock()
	v, ok := t.m[h]
	t.mu.RUnlock()
	if !ok {
		return v, errs.New(errs.Closed, "", "", "this %s has been closed", t.kind)
	}
	return v, nil
}

// remove returns what h stood for; ok is false where it stood for nothing.
func (t *table[T]) remove(h uint64) (v T, ok bool) {
	t.mu.Lock()
	v, ok = t.m[h]
	delete(t.m, h)
	t.mu.Unlock()
	return v, ok
}

func (t *table[T]) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.m)
}
