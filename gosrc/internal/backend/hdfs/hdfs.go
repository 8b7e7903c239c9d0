package hdfs

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/colinmarc/hdfs/v2"
	"github.com/colinmarc/hdfs/v2/hadoopconf"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

const (
	scheme   = "hdfs"
	maxParts = 10_000 // each is a block, and a namenode allows a file so many (dfs.namenode.fs-limits.max-blocks-per-file)
)

func init() {
	backend.Register(backend.Driver{
		Scheme:      scheme,
		Hosts:       true,
		Directories: true,
		MaxParts:    maxParts,
		Diagnose:    diagnose,
		Endpoints:   func(*config.Config) ([]string, error) { return []string{""}, nil },
		New: func(_ context.Context, cfg *config.Config, _ string) (backend.Backend, error) {
			return open(cfg)
		},
	})
}

// store is every file system that a URI can name.
type store struct {
	cfg  *config.Config
	conf hadoopconf.HadoopConf
	who  *identity

	mu       sync.Mutex
	clusters map[string]*cluster // by container
}

func open(cfg *config.Config) (*store, error) {
	conf, _, err := hadoopConfiguration(cfg)
	if err != nil {
		return nil, err
	}
	return &store{cfg: cfg, conf: conf, who: newIdentity(cfg, conf), clusters: map[string]*cluster{}}, nil
}

// cluster is the file system that the container names.
func (s *store) cluster(container string) (*cluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clusters[container]; c != nil {
		return c, nil
	}
	addresses, err := namenodes(s.conf, container)
	if err != nil {
		return nil, err
	}
	c := &cluster{store: s, addresses: addresses}
	s.clusters[container] = c
	return c, nil
}

// do runs f with a session for the file system of u. The error of f becomes the
// failure of the operation.
func (s *store) do(ctx context.Context, op string, u uri.URI, f func(*session) error) error {
	c, err := s.place(u)
	if err != nil {
		return failure(op, u, err)
	}
	return failure(op, u, c.with(ctx, f))
}

// place is the file system that u names a path of.
func (s *store) place(u uri.URI) (*cluster, error) {
	if !utf8.ValidString(u.Key) { // the namenode would take it for another name
		return nil, errs.New(errs.Invalid, "", "", "HDFS does not allow this path: it is not UTF-8")
	}
	return s.cluster(u.Container)
}

// pathOf is the path of u in the file system. Directories have no '/' at the end.
func pathOf(u uri.URI) string { return "/" + strings.Trim(u.Key, "/") }

func (s *store) Stat(ctx context.Context, u uri.URI) (info backend.Info, err error) {
	err = s.do(ctx, "stat", u, func(ses *session) error {
		info, err = ses.stat(u)
		return err
	})
	return info, err
}

func (ses *session) stat(u uri.URI) (backend.Info, error) {
	found, err := ses.client.Stat(pathOf(u))
	if err != nil {
		return backend.Info{}, err
	}
	info := describe(found)
	if u.IsDir() && !info.IsDir {
		return backend.Info{}, errFileAsDirectory
	}
	return info, nil
}

func (s *store) Delete(ctx context.Context, u uri.URI) error {
	return s.do(ctx, "delete", u, func(ses *session) error {
		if u.IsDir() { // the path alone would name a file too
			if _, err := ses.stat(u); err != nil {
				return err
			}
		}
		err := ses.client.Remove(pathOf(u))
		if isNotEmpty(err) && ses.removeLeftovers(u) {
			err = ses.client.Remove(pathOf(u))
		}
		return err
	})
}

func (s *store) Mkdir(ctx context.Context, u uri.URI) error {
	return s.do(ctx, "mkdir", u, func(ses *session) error {
		err := ses.client.MkdirAll(pathOf(u), s.directoryMode())
		if errors.Is(err, os.ErrExist) {
			return errFileAsDirectory
		}
		return err
	})
}

func (s *store) CreateContainer(_ context.Context, u uri.URI) error {
	return noContainers("create_container", u)
}

func (s *store) DeleteContainer(_ context.Context, u uri.URI) error {
	return noContainers("delete_container", u)
}

func (s *store) ListContainers(context.Context, func([]backend.Entry) error) error {
	return noContainers("list_containers", uri.URI{Scheme: scheme})
}

func noContainers(op string, u uri.URI) error {
	return errs.New(errs.Unsupported, op, u.String(), "the first part of an hdfs URI is a namenode, which cannot be made, removed or listed").
		WithHint("Use mkdir, or list a directory")
}

// Close gives up the connections of all clusters.
func (s *store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clusters {
		c.close()
	}
	return nil
}

// directoryMode is that of new directories.
func (s *store) directoryMode() os.FileMode { return 0o777 &^ umask(s.conf) }

// fileMode is that of new files.
func (s *store) fileMode() os.FileMode { return 0o666 &^ umask(s.conf) }

// describe tells what the namenode says of a path.
func describe(found os.FileInfo) backend.Info {
	if found.IsDir() {
		return backend.Info{IsDir: true, ModTime: found.ModTime()}
	}
	return backend.Info{Size: found.Size(), ModTime: found.ModTime(), ETag: etag(found.Sys().(*hdfs.FileStatus))}
}
