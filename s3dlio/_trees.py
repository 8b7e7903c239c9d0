"""Local files and their names below a directory: which files `upload` reads, and where `download` may write."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from s3dlio._native import Client, has_directories, list_pages
from s3dlio.errors import (
    InvalidError,
    IsDirectoryError,
    NotDirectoryError,
    NotFoundError,
    PermissionDeniedError,
    S3DlioError,
)

__all__ = ["LocalFile", "Paths", "local_files", "local_place", "paths_below", "require_distinct"]

Paths = str | os.PathLike[str]
_MAGIC = re.compile(r"[*?[]")


class LocalFile(NamedTuple):
    """A file to upload: its URI, its size in bytes, and its path below what was asked for."""

    uri: str
    size: int
    key: str


def local_place(name: str, path: Paths) -> tuple[str, str]:
    """Scheme ("file://" or "direct://") and path of a local path, or of a URI that means one.

    Raises InvalidError for anything else; `name` is that of the argument.
    """
    if not isinstance(path, (str, os.PathLike)) or not isinstance(text := os.fspath(path), str):
        raise InvalidError(f"{name} must be a path, not {path!r} ({type(path).__name__})")
    if not text or "\0" in text:
        raise InvalidError(f"{name} must be a path, not {text!r}; '.' is the current directory")
    scheme, separator, rest = text.partition("://")
    if not separator or "/" in scheme:
        return "file://", text
    if scheme.lower() not in ("file", "direct") or not rest.startswith("/"):
        raise InvalidError(f"{name} must be a local path, or a URI such as file:///data, not {text!r}")
    return f"{scheme.lower()}://", rest


def local_files(client: Client, patterns: Paths | Iterable[Paths]) -> list[LocalFile]:
    """The files that paths, directories and globs stand for, each once.

    Raises:
        InvalidError: `patterns` are no paths.
        NotFoundError: one of them stands for no file.
    """
    several = [patterns] if isinstance(patterns, (str, os.PathLike)) else list(_iterable(patterns))
    found: dict[LocalFile, None] = {}
    for pattern in several:
        files = list(_files(client, *local_place("src_patterns", pattern)))
        if not files:
            raise NotFoundError(
                f"upload {pattern}: not found: no file lies there, or matches. A glob leaves directories out: write "
                "dir/** for all that is below one, or the directory itself",
                op="upload",
                uri=str(pattern),
            )
        found.update(dict.fromkeys(files))
    return list(found)


def _iterable(patterns: object) -> Iterable[Paths]:
    if not isinstance(patterns, Iterable) or isinstance(patterns, (bytes, bytearray, memoryview)):
        raise InvalidError(f"src_patterns must be a path or a list of paths, not {type(patterns).__name__}")
    return patterns


def _files(client: Client, scheme: str, path: str) -> Iterator[LocalFile]:
    magic = _MAGIC.search(path)
    if os.path.isdir(path):
        yield from _tree(client, f"{scheme}{os.path.abspath(path).rstrip('/')}/")
    elif magic is None or os.path.lexists(path):
        yield from _file(scheme, path, os.path.basename(path))
    else:
        cut = path.rfind("/", 0, magic.start()) + 1
        yield from _matches(scheme, path[:cut] or ".", path[cut:])


def _tree(client: Client, base: str) -> Iterator[LocalFile]:
    for page in list_pages(client, base, recursive=True):
        for uri, size in zip(page.uris(), page.sizes, strict=True):
            yield LocalFile(uri, size, uri[len(base) :])


def _matches(scheme: str, base: str, pattern: str) -> Iterator[LocalFile]:
    if ".." in pattern.split("/"):
        raise InvalidError(f"src_patterns: {pattern!r} goes up behind a wildcard: write the directory without '..'")
    for match in sorted(glob.iglob(pattern, root_dir=base, recursive=True)):
        path = os.path.join(base, match)
        if not os.path.isdir(path):
            yield from _file(scheme, path, os.path.normpath(match))


def _file(scheme: str, path: str, key: str) -> Iterator[LocalFile]:
    try:
        size = os.stat(path).st_size
    except (FileNotFoundError, NotADirectoryError):  # or a link that leads nowhere
        return
    yield LocalFile(scheme + os.path.abspath(path), size, key)


def require_distinct(files: Sequence[LocalFile], targets: Sequence[str]) -> None:
    """Raise InvalidError where two files would become one object, or a file and a directory."""
    sources: dict[str, str] = {}
    for file, target in zip(files, targets, strict=True):
        if (other := sources.setdefault(target, file.uri)) != file.uri:
            raise InvalidError(f"upload: {other} and {file.uri} would both be stored as {target}", uri=target)
    if any(has_directories(target) for target in targets[:1]):
        _folders(targets, "upload")


def paths_below(directory: str, uris: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Where each object goes: its key below the directory. Nothing is written.

    Raises:
        InvalidError: a key leads elsewhere, as "../x" would, is no path, or is both a file and a directory; or a
            symbolic link below the directory is in the way.
        NotDirectoryError, IsDirectoryError: the other kind of file is there already.
    """
    for uri, key in zip(uris, keys, strict=True):
        if any(part in ("", ".", "..") for part in key.split("/")):
            raise InvalidError(
                f"download {uri}: {key!r} cannot be a path below {directory}. Read it with get() instead",
                op="download",
                uri=uri,
            )
    _require(directory, stat.S_ISDIR, NotDirectoryError, "a directory", follow=True)
    for folder in sorted(_folders(keys, "download")):
        _require(os.path.join(directory, folder), stat.S_ISDIR, NotDirectoryError, "a directory")
    paths = [os.path.join(directory, key) for key in keys]
    for path in paths:
        _require(path, lambda mode: not stat.S_ISDIR(mode), IsDirectoryError, "a file")
    return paths


def _folders(names: Sequence[str], op: str) -> set[str]:
    """The directories that the names lie in. Raises InvalidError where one is a name too, or a name comes twice."""
    files = set(names)
    if len(files) < len(names):
        twice = next(name for name in files if names.count(name) > 1)
        raise InvalidError(f"{op}: {twice!r} would be written twice", op=op)
    folders: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in folders:
            if folder in files:
                raise InvalidError(
                    f"{op}: {folder!r} would be a file, and a directory for {name!r}. Choose one of them", op=op
                )
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _require(
    path: str, fits: Callable[[int], bool], error: type[S3DlioError], what: str, *, follow: bool = False
) -> None:
    """Raise an error unless `path` is free, or has a file of the right kind that is no link."""
    try:
        mode = os.stat(path, follow_symlinks=follow).st_mode
    except FileNotFoundError:
        return
    except NotADirectoryError as cause:
        raise NotDirectoryError(f"download to {path}: what lies above it is a file", op="download", uri=path) from cause
    except PermissionError as cause:
        raise PermissionDeniedError(f"download to {path}: {cause.strerror}", op="download", uri=path) from cause
    if stat.S_ISLNK(mode):
        raise InvalidError(f"download to {path}: a symbolic link is there, which may lead elsewhere. Remove it first")
    if not fits(mode):
        raise error(f"download to {path}: {what} is to be there, and something else is", op="download", uri=path)
