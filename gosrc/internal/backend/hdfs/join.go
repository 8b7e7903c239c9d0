package hdfs

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/colinmarc/hdfs/v2"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// whole is a temporary file with all of an object.
type whole struct {
	name string
	info backend.Info
}

// join makes one file of several, which together have size bytes. It may be
// called again after a failure.
func (ses *session) join(ctx context.Context, t target, files []string, size int64) (*whole, error) {
	if len(files) == 0 {
		return ses.fill(ctx, t, func(io.Writer) error { return nil })
	}
	first, err := ses.client.Stat(files[0])
	if err == nil && first.Size() != size { // else there is one alone, or an earlier call has joined them
		err = ses.concat(files[0], files[1:])
		if refused := hdfs.Error(nil); errors.As(err, &refused) {
			// Encrypted and erasure-coded directories, for instance, do not have it.
			return ses.fill(ctx, t, ses.contents(files))
		}
		if err == nil {
			first, err = ses.client.Stat(files[0])
		}
	}
	if err != nil {
		return nil, err
	}
	return checked(files[0], first, size)
}

func checked(name string, file os.FileInfo, size int64) (*whole, error) {
	if file.Size() != size {
		return nil, errs.New(errs.IO, "", "", "the parts joined have %d bytes, not %d", file.Size(), size)
	}
	return &whole{name, describe(file)}, nil
}

func (ses *session) fill(ctx context.Context, t target, content func(io.Writer) error) (*whole, error) {
	name := t.newName()
	file, err := ses.write(ctx, name, t.mode, content)
	if err != nil {
		return nil, err
	}
	return &whole{name, describe(file)}, nil
}

// contents writes the bytes of files one after the other.
func (ses *session) contents(files []string) func(io.Writer) error {
	return func(w io.Writer) error {
		for _, name := range files {
			file, err := ses.client.Open(name)
			if err != nil {
				return err
			}
			_, err = io.CopyBuffer(onlyWriter{w}, checkedReader{file}, make([]byte, packet))
			_ = file.Close() // it was only read
			if err != nil {
				return err
			}
		}
		return nil
	}
}

type onlyWriter struct{ io.Writer }

// checkedReader refuses what did not pass its checksums.
type checkedReader struct{ file *hdfs.FileReader }

func (r checkedReader) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	if n > 0 && !verified(r.file) {
		return 0, errBadBytes()
	}
	return n, err
}

// publishAgain is publish for a file that an earlier call, whose answer was
// lost, may have published.
func (ses *session) publishAgain(t target, w *whole) error {
	err := ses.publish(t, w.name)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if now, statErr := ses.client.Stat(t.path); statErr == nil && describe(now).ETag == w.info.ETag {
		return nil
	}
	return err
}
