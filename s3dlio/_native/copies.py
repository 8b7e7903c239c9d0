"""Copies of the library file that a forked child can load.

The child must open a file with an inode of its own: the dynamic linker takes a file that it has loaded already for
the same library, and the Go runtime in it does not survive a fork. The copy has no name in any directory.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path

_MFD_EXEC = 0x10  # since Linux 6.3, where vm.memfd_noexec may otherwise forbid to execute the copy


class Copy:
    """An open, unnamed copy of a file, which may be executed."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._identity = _identity(fd)

    def is_intact(self) -> bool:
        """Whether the descriptor still is this file: the program may have closed it, and opened another there."""
        try:
            return _identity(self._fd) == self._identity
        except OSError:
            return False

    def path(self, number: int) -> str:
        """A name to load it by. The dynamic linker compares names first, so `number` must be new in this process."""
        return f"/proc/self/fd/{'/' * number}{self._fd}"

    def close(self) -> None:
        """Give the descriptor back; what was loaded from it stays loaded."""
        if self.is_intact():
            os.close(self._fd)


def copy_of(source: Path) -> Copy:
    """Copy a file to where it can be executed: into memory, or where that is forbidden to a directory that allows it.

    Raises OSError, with what was tried.
    """
    refusals = []
    for place, make in (("memory", _in_memory), *((path, _in_directory) for path in _directories(source))):
        try:
            fd = make(place)
        except OSError as error:
            refusals.append(f"{place}: {error}")
            continue
        try:
            _fill(fd, source)
            mmap.mmap(fd, mmap.PAGESIZE, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC).close()
        except OSError as error:
            os.close(fd)
            refusals.append(f"{place}: {error}")
            continue
        return Copy(fd)
    raise OSError(
        f"a forked process needs a copy of {source}, but nowhere may one be executed ({'; '.join(refusals)}). Set "
        "TMPDIR to a directory that is not mounted noexec, or start processes with 'spawn' or 'forkserver'"
    )


def _identity(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def _directories(source: Path) -> list[str]:
    return [tempfile.gettempdir(), str(source.parent)]


def _in_memory(_: str) -> int:
    try:
        return os.memfd_create("libs3dlio", os.MFD_CLOEXEC | _MFD_EXEC)
    except OSError:  # an older kernel does not know the flag
        return os.memfd_create("libs3dlio", os.MFD_CLOEXEC)


def _in_directory(directory: str) -> int:
    fd, name = tempfile.mkstemp(prefix="libs3dlio-", dir=directory)
    os.unlink(name)
    return fd


def _fill(fd: int, source: Path) -> None:
    with source.open("rb") as file:
        left = os.fstat(file.fileno()).st_size
        while left > 0:
            sent = os.sendfile(fd, file.fileno(), None, left)
            if sent == 0:
                raise OSError(f"{source} became shorter while it was copied")
            left -= sent
