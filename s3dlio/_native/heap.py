"""What the C library does with memory that was freed."""

from __future__ import annotations

import ctypes
import functools

__all__ = ["keep_freed_memory"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
_LARGEST = 32 << 20  # bytes: larger blocks come from the system and go back to it, which glibc does from 128 KiB on
_KEPT = 128 << 20


@functools.cache
def keep_freed_memory() -> None:
    """Let malloc keep up to 128 MiB that were freed, for what is allocated next.

    By itself glibc gives the memory of samples back to the system when they are freed, and the system clears it before
    the next ones may have it: that costs as much as copying them. For processes whose work is to load samples, such as
    the workers of a DataLoader. Other C libraries are left as they are.
    """
    try:
        tune = ctypes.CDLL(None).mallopt
    except AttributeError:
        return
    tune(_M_MMAP_THRESHOLD, _LARGEST)
    tune(_M_TRIM_THRESHOLD, _KEPT)
