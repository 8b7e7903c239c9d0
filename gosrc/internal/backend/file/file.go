// Package file reads and writes files: file:///abs/path. direct:// is the same
// code with another Access.
//
// A file gets its name by rename(2) once it is whole. It is not synced to the
// device (no fsync): like cp or torch.save, a write survives the death of the
// process but not, for some seconds, a power failure. Syncing each of many
// small files would make writing a dataset many times slower.
//
// An ETag is made of inode, size and modification time. A program that rewrites
// a file in place, to the same size, within one tick of the filesystem's clock,
// goes unnoticed; our own writes never do.
package file

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func init() {
	backend.Register(Driver("file", func(*config.Config) Attach { return Buffered }))
}

// Driver makes the driver of a scheme for local files, given how each
// configuration accesses them.
func Driver(scheme string, access func(*config.Config) Attach) backend.Driver {
	return backend.Driver{
		Scheme:      scheme,
		Local:       true,
		Directories: true,
		Diagnose:    Diagnose(false),
		Endpoints:   func(*config.Config) ([]string, error) { return nil, nil },
		New: func(_ context.Context, cfg *config.Config, _ string) (backend.Backend, error) {
			return &store{scheme: scheme, attach: access(cfg)}, nil
		},
	}
}

// store is all files of the machine.
type store struct {
	scheme string
	attach Attach
}

func (s *store) Stat(ctx context.Context, u uri.URI) (backend.Info, error) {
	info, err := s.stat(ctx, u)
	return info, failure("stat", u, err)
}

func (s *store) stat(ctx context.Context, u uri.URI) (backend.Info, error) {
	if err := ctx.Err(); err != nil {
		return backend.Info{}, err
	}
	var st unix.Stat_t
	if err := unix.Stat(u.Key, &st); err != nil {
		return backend.Info{}, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return backend.Info{IsDir: true, ModTime: modTime(&st)}, nil
	case unix.S_IFBLK: // only an open device tells its size
		f, err := openFile(u.Key)
		if err != nil {
			return backend.Info{}, err
		}
		return f.info, f.close()
	}
	return describe(&st, st.Size), checkKind(&st)
}

func (s *store) Delete(ctx context.Context, u uri.URI) error {
	if err := ctx.Err(); err != nil {
		return failure("delete", u, err)
	}
	err := unix.Unlink(u.Key)
	if err == unix.EISDIR {
		if err = removeDirectory(u.Key); err == unix.ENOTEMPTY {
			err = errs.New(errs.IsDirectory, "", "", "the directory is not empty").
				WithHint("Delete what it holds first")
		}
	}
	return failure("delete", u, err)
}

func (s *store) Mkdir(ctx context.Context, u uri.URI) error {
	if err := ctx.Err(); err != nil {
		return failure("mkdir", u, err)
	}
	_, err := makeDirs(u.Key)
	var st unix.Stat_t
	if err == nil {
		err = unix.Stat(u.Key, &st)
	}
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	return failure("mkdir", u, err)
}

func (s *store) CreateContainer(_ context.Context, u uri.URI) error {
	return s.noContainers("create_container", u)
}

func (s *store) DeleteContainer(_ context.Context, u uri.URI) error {
	return s.noContainers("delete_container", u)
}

func (s *store) ListContainers(context.Context, func([]backend.Entry) error) error {
	return s.noContainers("list_containers", uri.URI{Scheme: s.scheme})
}

func (s *store) noContainers(op string, u uri.URI) error {
	return errs.New(errs.Unsupported, op, u.String(), "the scheme %s has no containers", s.scheme).
		WithHint("Use mkdir, or list a directory")
}

func (s *store) Close() error { return nil }
