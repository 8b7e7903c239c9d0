package file

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

const pageSize = 1000

// List walks the tree in the order of the keys, so that it holds the names of
// one directory a level and a page of entries, never the whole tree. Links are
// followed, except from a directory into one that it lies in. What cannot be
// read as a file (pipes, sockets, devices, dangling links) is left out.
func (s *store) List(ctx context.Context, u uri.URI, recursive bool, page func([]backend.Entry) error) error {
	w := &walker{ctx: ctx, u: u, recursive: recursive, Pager: backend.NewPager(ctx, page)}
	info, err := s.stat(ctx, u)
	switch {
	case err != nil:
	case info.IsDir:
		err = w.directory(strings.TrimSuffix(u.Key, "/") + "/")
	default:
		err = w.Add(entry(u.Key, info))
	}
	if err == nil {
		err = w.Flush()
	}
	if w.Refusal != nil {
		return w.Refusal
	}
	return failure("list", u, err)
}

type walker struct {
	backend.Pager

	ctx       context.Context
	u         uri.URI
	recursive bool
	above     []inode // the directories being read, from the top down
}

type inode struct{ dev, ino uint64 }

// directory lists what path holds; path ends in '/'.
func (w *walker) directory(path string) error {
	names, self, err := w.read(path)
	if err != nil {
		if len(w.above) > 0 && err == unix.ENOENT {
			return nil // removed meanwhile
		}
		return failure("list", w.u.WithKey(path), err)
	}
	if slices.Contains(w.above, self) {
		return nil
	}
	w.above = append(w.above, self)
	for _, name := range names {
		if err := w.child(path + name); err != nil {
			return err
		}
	}
	w.above = w.above[:len(w.above)-1]
	return nil
}

func (w *walker) child(path string) error {
	if !strings.HasSuffix(path, "/") {
		return w.file(path)
	}
	if w.recursive {
		return w.directory(path)
	}
	return w.Add(backend.Entry{Key: path, Size: -1})
}

func (w *walker) file(path string) error {
	var st unix.Stat_t
	switch err := unix.Stat(path, &st); {
	case err == unix.ENOENT || err == unix.ELOOP:
		return nil // removed meanwhile, or a link that leads nowhere
	case err != nil:
		return failure("list", w.u.WithKey(path), err)
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil
	}
	return w.Add(entry(path, describe(&st, st.Size)))
}

func entry(key string, info backend.Info) backend.Entry {
	return backend.Entry{Key: key, Size: info.Size, ModTime: info.ModTime, ETag: info.ETag}
}

// read returns the sorted names in a directory, those of directories with a
// '/', which puts them where their keys belong.
func (w *walker) read(path string) (names []string, self inode, err error) {
	fd, err := openRetry(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, self, err
	}
	dir := os.NewFile(uintptr(fd), path)
	defer dir.Close()
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err != nil {
		return nil, self, err
	}
	for {
		if err := w.ctx.Err(); err != nil {
			return nil, self, err
		}
		found, err := dir.ReadDir(pageSize)
		for _, f := range found {
			if name, ok := nameOf(path, f); ok {
				names = append(names, name)
			}
		}
		if err == io.EOF {
			slices.Sort(names)
			return names, inode{uint64(st.Dev), st.Ino}, nil
		}
		if err != nil {
			return nil, self, errs.Wrap(err, errs.IO, "", "", "cannot read the directory")
		}
	}
}

func nameOf(path string, f os.DirEntry) (name string, ok bool) {
	name = f.Name()
	if strings.HasPrefix(name, tempPrefix) {
		return "", false
	}
	switch kind := f.Type(); {
	case kind.IsRegular():
		return name, true
	case kind.IsDir():
		return name + "/", true
	case kind&os.ModeSymlink != 0:
		var st unix.Stat_t
		if unix.Stat(path+name, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			return name + "/", true
		}
		return name, true
	}
	return "", false
}
