package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// lowSpace is the share of free space that is worth a warning.
const lowSpace = 0.05

// fileSystems are those whose numbers statfs(2) and the kernel's magic.h give.
var fileSystems = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.TMPFS_MAGIC: "tmpfs",
	unix.OVERLAYFS_SUPER_MAGIC: "overlayfs", unix.NFS_SUPER_MAGIC: "nfs", unix.FUSE_SUPER_MAGIC: "fuse",
	unix.F2FS_SUPER_MAGIC: "f2fs", 0x2fc12fc1: "zfs", 0x0bd00bd0: "lustre", 0xc36400: "ceph", 0x47504653: "gpfs",
	0x19830326: "beegfs", unix.V9FS_MAGIC: "9p", 0xff534d42: "cifs",
}

// Diagnose makes that function of a driver; direct says whether it reads past the page cache.
func Diagnose(direct bool) func(context.Context, *config.Config, uri.URI) []backend.Finding {
	return func(_ context.Context, cfg *config.Config, u uri.URI) []backend.Finding {
		out := []backend.Finding{place(u.Key)}
		there := existing(u.Key)
		out = append(out, fileSystem(there)...)
		out = append(out, directIO(there, direct, cfg.DirectFallback))
		if f, ok := pageCacheSize(); ok {
			out = append(out, f)
		}
		return out
	}
}

// place says whether the path is there and can be read.
func place(path string) backend.Finding {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	isDir := err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
	need := uint32(unix.R_OK)
	if isDir {
		need |= unix.X_OK
	}
	switch {
	case err == unix.EACCES:
		return backend.Found("path", backend.Fail, "a directory above %s cannot be entered", path).WithFix("Ask its owner for the right to (chmod +x)")
	case err != nil:
		return backend.Found("path", backend.Fail, "%s: %v; what is there is %s", path, err, existing(path)).WithFix("Correct the path")
	case unix.Access(path, need) != nil:
		return backend.Found("path", backend.Fail, "%s cannot be read by this user", path).WithFix("Ask its owner for the right to (chmod +r)")
	}
	kind, rights := "a file", "read only"
	if isDir {
		kind = "a directory"
	}
	if unix.Access(path, unix.W_OK) == nil {
		rights = "read and write"
	}
	return backend.Found("path", backend.Fine, "%s is %s (%s)", path, kind, rights)
}

// existing is the path, or what is there of it.
func existing(path string) string {
	for path != "/" {
		if _, err := os.Lstat(path); err == nil {
			return path
		}
		path = filepath.Dir(path)
	}
	return path
}

func fileSystem(path string) []backend.Finding {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return []backend.Finding{backend.Found("file_system", backend.Warn, "%s: %v", path, err)}
	}
	name, ok := fileSystems[int64(uint32(fs.Type))]
	if !ok {
		name = fmt.Sprintf("of type %#x", uint32(fs.Type))
	}
	if fs.Flags&unix.ST_RDONLY != 0 {
		name += ", mounted read-only"
	}
	free, total := int64(fs.Bavail)*fs.Bsize, int64(fs.Blocks)*fs.Bsize
	space := backend.Found("free_space", backend.Fine, "%s of %s", size(free), size(total))
	if total > 0 && float64(free) < lowSpace*float64(total) {
		space.Level, space.Fix = backend.Warn, "Make room before you write here"
	}
	return []backend.Finding{
		backend.Found("file_system", backend.Note, "%s", name),
		space.WithFacts(map[string]any{"free_bytes": free, "total_bytes": total}),
	}
}

func size(n int64) string {
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// directIO tries O_DIRECT on a file at or in path.
func directIO(path string, needed, fallback bool) backend.Finding {
	file := sample(path)
	if file == "" {
		return backend.Found("o_direct", backend.Note, "there is no file to try it on")
	}
	fd, err := openRetry(file, unix.O_RDONLY|unix.O_DIRECT|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == unix.EINVAL || err == unix.EOPNOTSUPP {
		f := backend.Found("o_direct", backend.Note, "the file system refuses it")
		if needed && !fallback {
			f.Level, f.Fix = backend.Fail, "Use file:// instead, or set the option direct_fallback"
		}
		return f
	}
	if err != nil {
		return backend.Found("o_direct", backend.Note, "not tried on %s: %v", file, err)
	}
	defer unix.Close(fd)
	var sx unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &sx) != nil || sx.Mask&unix.STATX_DIOALIGN == 0 {
		return backend.Found("o_direct", backend.Fine, "supported; the kernel does not tell the alignment, 4096 is used")
	}
	if sx.Dio_offset_align == 0 {
		return backend.Found("o_direct", backend.Warn, "the kernel says that this file cannot be read so")
	}
	return backend.Found("o_direct", backend.Fine, "supported; offsets are multiples of %d, addresses of %d", sx.Dio_offset_align, sx.Dio_mem_align).
		WithFacts(map[string]any{"offset_alignment": sx.Dio_offset_align, "memory_alignment": sx.Dio_mem_align})
}

// sample is a regular file: path itself, or one in that directory.
func sample(path string) string {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path
	}
	dir, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(256) // what could be read of it will do
	for _, e := range entries {
		if e.Type().IsRegular() {
			return filepath.Join(path, e.Name())
		}
	}
	return ""
}

// pageCacheSize is what the kernel keeps, and could keep, of files in memory.
func pageCacheSize() (backend.Finding, bool) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return backend.Finding{}, false
	}
	kb := map[string]int64{}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			kb[name] = n
		}
	}
	cached, available := kb["Cached"]<<10, kb["MemAvailable"]<<10
	return backend.Found("page_cache", backend.Note, "%s in use, %s of memory available: smaller data is read from memory the second time", size(cached), size(available)).
		WithFacts(map[string]any{"cached_bytes": cached, "available_bytes": available}), true
}
