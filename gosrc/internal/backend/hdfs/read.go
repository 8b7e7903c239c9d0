package hdfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/colinmarc/hdfs/v2"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// etag of a file: an inode is never used again, an append or a truncation
// changes the modification time.
func etag(s *hdfs.FileStatus) string {
	return fmt.Sprintf("%x-%x-%x", s.GetFileId(), s.GetModificationTime(), s.GetLength())
}

func (s *store) Open(ctx context.Context, u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	c, err := s.place(u)
	if err != nil {
		return nil, failure("get", u, err)
	}
	ses, err := c.take(ctx)
	if err != nil {
		return nil, failure("get", u, err)
	}
	body, err := ses.open(u, r, etag)
	if err = c.heard(ses.explain(err)); err != nil {
		ses.release()
		return nil, failure("get", u, err)
	}
	return body, nil
}

// open opens the file until it has one version of it: other programs may be
// replacing it all the time. With etag != "" there is only one to be had.
func (ses *session) open(u uri.URI, r backend.Range, etag string) (backend.Reader, error) {
	const rounds = 20
	for i := 1; ; i++ {
		body, err := ses.openOnce(u, r, etag)
		if err == nil {
			return body, nil
		}
		if etag != "" || i == rounds || errs.CodeOf(err) != errs.Changed {
			return nil, err
		}
	}
}

func (ses *session) openOnce(u uri.URI, r backend.Range, etag string) (*reader, error) {
	file, err := ses.client.Open(pathOf(u))
	if err != nil {
		return nil, err
	}
	info := describe(file.Stat())
	switch {
	case info.IsDir:
		return nil, errs.New(errs.IsDirectory, "", "", "this is a directory").WithHint("Name a file in it, or list it")
	case u.IsDir():
		return nil, errFileAsDirectory
	case etag != "" && etag != info.ETag:
		return nil, changed()
	}
	if err := readable(file.Stat().Sys().(*hdfs.FileStatus)); err != nil {
		return nil, err
	}
	from, to, err := r.Cut("get", u, info.Size)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return nil, err
	}
	body := &reader{ses: ses, file: file, u: u, info: info, length: to - from, left: to - from}
	if err := body.start(); err != nil {
		_ = file.Close() // the connection to a datanode, of which nothing more is expected
		return nil, body.why(err)
	}
	return body, nil
}

// start reads the first bytes. For them the namenode is asked, by the path, for
// the blocks of the file, and a datanode opens the first one: a block that is
// open outlives its file. If the path still has the same file afterwards, they
// belong together.
func (r *reader) start() error {
	if r.left == 0 {
		return nil
	}
	n, err := r.fetch(r.first[:min(int64(len(r.first)), r.left)])
	if err != nil {
		return err
	}
	r.ahead = r.first[:n]
	return r.check(r.ses)
}

// readable fails where the blocks of a file do not hold its bytes one after the
// other, of which the library takes no notice.
func readable(s *hdfs.FileStatus) error {
	const leastCell = 1 << 20 // of the policies that Hadoop brings; they come without it
	cell := uint64(leastCell)
	if own := s.GetEcPolicy().GetCellSize(); own > 0 {
		cell = uint64(own)
	}
	switch {
	case s.GetFileEncryptionInfo() != nil:
		return errs.New(errs.Unsupported, "", "", "the file is in an encryption zone, and only its ciphertext could be read").
			WithHint("Copy it to a directory outside the zone: hdfs dfs -cp")
	case s.GetEcPolicy().GetId() != 0 && s.GetLength() > cell: // 0: none, or replication; what has one cell is one block
		return errs.New(errs.Unsupported, "", "", "the file is erasure-coded, and longer than one cell (%d bytes)", cell).
			WithHint("Copy it to a directory without that policy: hdfs dfs -cp")
	}
	return nil
}

func changed() *errs.Error {
	return errs.New(errs.Changed, "", "", "the object changed while it was read, or since its ETag was asked for")
}

// reader is the body of a range. Its session is its own until it is closed.
type reader struct {
	u      uri.URI
	info   backend.Info
	length int64

	mu     sync.Mutex
	ses    *session
	file   *hdfs.FileReader
	first  [512]byte // as many bytes as have one checksum
	ahead  []byte    // those that were read and not yet delivered
	left   int64     // to be delivered
	failed error
	closed bool
}

func (r *reader) Info() backend.Info { return r.info }
func (r *reader) Len() int64         { return r.length }

func (r *reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return 0, errs.New(errs.Closed, "get", r.u.String(), "the body has been closed")
	case r.failed != nil:
		return 0, r.failed
	case r.left == 0:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	n, err := r.next(p[:min(int64(len(p)), r.left)])
	if err != nil {
		r.failed = failure("get", r.u, r.why(err))
		return 0, r.failed
	}
	r.left -= int64(n)
	return n, nil
}

func (r *reader) next(p []byte) (int, error) {
	if len(r.ahead) > 0 {
		n := copy(p, r.ahead)
		r.ahead = r.ahead[n:]
		return n, nil
	}
	return r.fetch(p)
}

// fetch reads bytes that passed their checksums.
func (r *reader) fetch(p []byte) (int, error) {
	n, err := r.file.Read(p)
	if err == nil && !verified(r.file) {
		return 0, errBadBytes()
	}
	return n, err
}

func errBadBytes() error {
	return errs.New(errs.Server, "", "", "a datanode broke off, or sent bytes that do not match their checksums")
}

// check fails unless the file is still the one that was opened.
func (r *reader) check(ses *session) error {
	now, err := ses.client.Stat(pathOf(r.u))
	if err == nil && describe(now).ETag != r.info.ETag {
		return changed()
	}
	return err
}

// why is the reason of a failed read. The blocks of a file that was replaced or
// removed go, so then that is the reason.
func (r *reader) why(err error) error {
	err = r.ses.explain(err)
	ctx := r.ses.context()
	if ctx.Err() != nil || isAnswer(err) || errs.CodeOf(err) == errs.Changed {
		return err
	}
	if now := r.ses.cluster.with(ctx, r.check); now != nil && (isAnswer(now) || errs.CodeOf(now) == errs.Changed) {
		return now
	}
	if errors.Is(err, io.EOF) {
		return errs.New(errs.Truncated, "", "", "the body ended %d bytes too early", r.left)
	}
	return err
}

func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	_ = r.file.Close() // the connection to a datanode, of which nothing more is expected
	r.ses.release()
	return nil
}
