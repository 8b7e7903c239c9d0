package web

import (
	"io"
	"sync"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wire"
)

// maxDocument bounds answers that are read whole; a page of a listing has about 500 KB.
const maxDocument = 64 << 20

// Document reads an answer whole. The caller closes it.
func Document(resp *wire.Response) ([]byte, error) {
	if resp.Length >= 0 && resp.Length <= maxDocument {
		text := make([]byte, resp.Length)
		_, err := io.ReadFull(resp, text)
		return text, err
	}
	return io.ReadAll(io.LimitReader(resp, maxDocument))
}

// Seen remembers the names of containers that have been seen to exist.
type Seen struct{ names sync.Map }

// Add remembers a name.
func (s *Seen) Add(name string) {
	if _, ok := s.names.Load(name); !ok {
		s.names.Store(name, true)
	}
}

// Has says whether a name is remembered.
func (s *Seen) Has(name string) bool {
	_, ok := s.names.Load(name)
	return ok
}

// Forget forgets a name.
func (s *Seen) Forget(name string) { s.names.Delete(name) }
