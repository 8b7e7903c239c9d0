package hdfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/colinmarc/hdfs/v2"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// tempPrefix begins the names of files that are not whole yet. Listings leave
// them out; only the death of a process or of the cluster leaves one behind.
const tempPrefix = ".s3dlio-tmp-"

const (
	packet      = 64 << 10 // what the library sends at once
	removeTime  = 2 * time.Second
	leftoverAge = 24 * time.Hour
)

// target is where an object is to be stored.
type target struct {
	path string
	dir  string      // the nearest directory that there is: temporary files lie in it
	mode os.FileMode // what was private stays private
}

// target looks at the place that u names.
func (ses *session) target(u uri.URI) (t target, err error) {
	t = target{path: pathOf(u), mode: ses.cluster.store.fileMode()}
	name := path.Base(t.path)
	switch {
	case u.IsDir():
		return t, isDirectory()
	case strings.HasPrefix(name, tempPrefix):
		return t, errs.New(errs.Invalid, "", "", "names that begin with %s are reserved", tempPrefix)
	}
	old, err := ses.client.Stat(t.path)
	switch {
	case err == nil && old.IsDir():
		return t, isDirectory()
	case err == nil:
		t.mode, t.dir = old.Mode().Perm(), path.Dir(t.path)
		return t, nil
	case !errors.Is(err, os.ErrNotExist):
		return t, err
	}
	t.dir, err = ses.existing(path.Dir(t.path))
	return t, err
}

func isDirectory() error {
	return errs.New(errs.IsDirectory, "", "", "this is a directory").WithHint("Name a file in it")
}

// existing is the nearest directory at or above dir.
func (ses *session) existing(dir string) (string, error) {
	for {
		info, err := ses.client.Stat(dir)
		switch {
		case err == nil && info.IsDir():
			return dir, nil
		case err == nil:
			return "", errFileAsDirectory
		case !errors.Is(err, os.ErrNotExist) || dir == "/":
			return "", err
		}
		dir = path.Dir(dir)
	}
}

// newName is a name for a temporary file of t.
func (t target) newName() string {
	return path.Join(t.dir, fmt.Sprintf("%s%016x%016x", tempPrefix, rand.Uint64(), rand.Uint64()))
}

// write stores a new file of what fill writes, or removes what it has of it.
func (ses *session) write(ctx context.Context, name string, mode os.FileMode, fill func(io.Writer) error) (os.FileInfo, error) {
	info, err := ses.writeNew(ctx, name, mode, fill)
	if err != nil {
		err = ses.explain(err)
		ses.cluster.remove(ctx, name)
	}
	return info, err
}

func (ses *session) writeNew(ctx context.Context, name string, mode os.FileMode, fill func(io.Writer) error) (os.FileInfo, error) {
	f, err := ses.create(name, mode)
	if err != nil {
		return nil, err
	}
	if err := fill(patientWriter{ctx, f}); err != nil {
		err = ses.explain(err)
		ses.hangUp()  // so that Close sends nothing more,
		_ = f.Close() // and only ends what the library runs for the file
		abandon(f)
		return nil, err
	}
	if err := ses.finish(ctx, name, f); err != nil {
		abandon(f)
		return nil, err
	}
	return ses.client.Stat(name)
}

// content writes data, in pieces: the library copies each into a buffer.
func content(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		for piece := range slices.Chunk(data, packet) {
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
		return nil
	}
}

func (ses *session) create(name string, mode os.FileMode) (*hdfs.FileWriter, error) {
	usual, err := ses.client.ServerDefaults()
	if err != nil {
		return nil, err
	}
	conf := ses.cluster.store.conf
	return ses.createFile(name, newFile{
		replicas:  number(conf, "dfs.replication", usual.Replication),
		blockSize: size(conf, "dfs.blocksize", usual.BlockSize),
		mode:      mode,
	})
}

// publish gives a temporary file its name.
func (ses *session) publish(t target, name string) error {
	if dir := path.Dir(t.path); dir != t.dir {
		if err := ses.client.MkdirAll(dir, ses.cluster.store.directoryMode()); err != nil {
			if errors.Is(err, os.ErrExist) {
				return errFileAsDirectory
			}
			return err
		}
	}
	err := ses.rename(name, t.path)
	if err != nil {
		if now, statErr := ses.client.Stat(t.path); statErr == nil && now.IsDir() {
			return isDirectory() // made meanwhile
		}
	}
	return err
}

// remove removes temporary files after a failure, also that of a context.
func (c *cluster) remove(ctx context.Context, names ...string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTime)
	defer cancel()
	_ = c.with(ctx, func(ses *session) error { // what stays is hidden, and goes with its directory
		for _, name := range names {
			if err := ses.client.Remove(name); err != nil && !isAnswer(err) {
				return err
			}
		}
		return nil
	})
}

// removeLeftovers removes what a directory holds if that is nothing but
// temporary files that have not been touched for so long that nobody writes them
// any more, and says whether it did. Each by its name: what somebody stores there
// meanwhile stays.
func (ses *session) removeLeftovers(u uri.URI) bool {
	dir := pathOf(u)
	found, err := ses.client.ReadDir(dir)
	if err != nil || slices.ContainsFunc(found, isInUse) {
		return false
	}
	for _, f := range found {
		if err := ses.client.Remove(path.Join(dir, f.Name())); err != nil {
			return false
		}
	}
	return true
}

func isLeftover(f os.FileInfo) bool {
	return !f.IsDir() && strings.HasPrefix(f.Name(), tempPrefix) && time.Since(f.ModTime()) >= leftoverAge
}

func isInUse(f os.FileInfo) bool { return !isLeftover(f) }
