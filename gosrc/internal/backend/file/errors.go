package file

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// causes says what the answers of the kernel mean to a user.
var causes = map[unix.Errno]struct {
	code      errs.Code
	msg, hint string
}{
	unix.ENOENT:       {errs.NotFound, "not found", ""},
	unix.EEXIST:       {errs.AlreadyExists, "already exists", ""},
	unix.EISDIR:       {errs.IsDirectory, "this is a directory", "Name a file in it, or list it"},
	unix.ENOTDIR:      {errs.NotDirectory, "a file is where a directory is needed", ""},
	unix.EACCES:       {errs.Permission, "permission denied", "Check the permissions of the file and of the directories above it"},
	unix.EPERM:        {errs.Permission, "permission denied", ""},
	unix.EROFS:        {errs.Permission, "the filesystem is mounted read-only", ""},
	unix.ENOSPC:       {errs.NoSpace, "the filesystem is full", "Free some space"},
	unix.EDQUOT:       {errs.NoSpace, "the disk quota is used up", "Free some space"},
	unix.EFBIG:        {errs.NoSpace, "the file is larger than the filesystem or a limit of the process (ulimit -f) allows", ""},
	unix.ENAMETOOLONG: {errs.Invalid, "the path, or a part of it, is too long", ""},
	unix.ELOOP:        {errs.Invalid, "the symbolic links lead in a circle", ""},
	unix.ENXIO:        {errs.Unsupported, "this is a socket or a device without a driver, not a regular file", ""},
	unix.EMFILE:       {errs.IO, "too many open files", "Raise the limit (ulimit -n) or lower max_concurrent"},
	unix.ENFILE:       {errs.IO, "too many open files on this machine", ""},
}

// failure makes err the failure of an operation on u; nil stays nil.
func failure(op string, u uri.URI, err error) error {
	if err == nil {
		return nil
	}
	var known *errs.Error
	if errors.As(err, &known) {
		if known.Op == "" {
			known.Op = op
		}
		if known.URI == "" {
			known.URI = u.String()
		}
		return known
	}
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return errs.From(err, op, u.String())
	}
	if errno == unix.ENOTDIR && !u.IsDir() && (op == "get" || op == "stat" || op == "delete") {
		return errs.Wrap(err, errs.NotFound, op, u.String(), "not found: a part of the path is a file")
	}
	cause, ok := causes[errno]
	if !ok {
		return errs.Wrap(err, errs.IO, op, u.String(), "the operating system reports a failure")
	}
	return errs.Wrap(err, cause.code, op, u.String(), "%s", cause.msg).WithHint("%s", cause.hint)
}
