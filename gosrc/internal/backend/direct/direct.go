// Package direct reads and writes files past the kernel's cache: direct:///abs/path,
// with O_DIRECT, files and block devices alike.
//
// It is package file with another Access. The device transfers whole blocks to
// and from memory that is aligned as it demands. What is aligned already (the
// engine's buffers are) moves without a copy; heads and tails of ranges, and
// memory of the caller's that is not aligned, go through a bounce buffer. A
// file's last block is written whole and the file then cut to its size.
//
// Some filesystems refuse O_DIRECT. That is an error, unless direct_fallback
// allows the cache there.
package direct

import (
	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/file"
	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func init() {
	driver := file.Driver("direct", func(cfg *config.Config) file.Attach {
		return func(fd int, st *unix.Stat_t) (file.Access, error) { return attach(fd, st, cfg.DirectFallback) }
	})
	driver.Diagnose = file.Diagnose(true)
	backend.Register(driver)
}

// attach turns on O_DIRECT for an open file.
func attach(fd int, st *unix.Stat_t, fallback bool) (file.Access, error) {
	a := &access{fd: fd, fallback: fallback}
	var err error
	if a.offsets, a.memory, err = alignment(fd, st); err == nil {
		err = setFlags(fd, unix.O_DIRECT)
	}
	if err == nil {
		return a, nil
	}
	if err = a.refused(err); err != nil {
		return nil, err
	}
	return file.Buffered(fd, st)
}

// refused handles that O_DIRECT failed: nil says that the cache is used from now on.
func (a *access) refused(cause error) error {
	if cause != unix.EINVAL && cause != unix.EOPNOTSUPP {
		return cause
	}
	if !a.fallback {
		return errs.Wrap(cause, errs.Unsupported, "", "", "the filesystem refuses direct I/O (O_DIRECT) for this file").
			WithHint("Use file:// instead, or set the option direct_fallback to true to go through the page cache where it refuses")
	}
	a.cached.Store(true)
	return setFlags(a.fd, 0)
}

func setFlags(fd, flags int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags)
	return err
}

// assumed is the alignment where the kernel does not tell: no common device has
// larger blocks. It is also what addresses can be aligned to at most.
const assumed = buffers.Align

// alignment is what offsets in the file and addresses in memory must be
// multiples of; EINVAL where there is no such thing.
func alignment(fd int, st *unix.Stat_t) (offsets, memory int64, err error) {
	var sx unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &sx) == nil && sx.Mask&unix.STATX_DIOALIGN != 0 {
		offsets, memory = int64(sx.Dio_offset_align), int64(sx.Dio_mem_align)
	} else if st.Mode&unix.S_IFMT == unix.S_IFBLK {
		block, err := blockSize(fd)
		if err != nil {
			return 0, 0, err
		}
		offsets, memory = block, block
	} else {
		return assumed, assumed, nil
	}
	if offsets == 0 || memory > assumed {
		return 0, 0, unix.EINVAL
	}
	return offsets, memory, nil
}

// blockSize is the logical block size of a device.
func blockSize(fd int) (int64, error) {
	n, err := unix.IoctlGetInt(fd, unix.BLKSSZGET)
	return int64(n), err
}
