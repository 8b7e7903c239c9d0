"""Plain Python, for local files: preadv into memory that is used again."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from typing import Any

from bench.task import Task

BLOCK = 4 << 20


def _blocks(path: str, memory: mmap.mmap, direct: bool) -> Iterator[Any]:
    view = memoryview(memory)
    descriptor = os.open(path, os.O_RDONLY | (os.O_DIRECT if direct else 0))
    try:
        at = 0
        while read := os.preadv(descriptor, [view], at):
            at += read
            yield view[:read]
    finally:
        os.close(descriptor)


def file(task: Task) -> Iterator[Any]:
    """One block after the other."""
    yield from _blocks(task.paths[0], mmap.mmap(-1, BLOCK), task.direct)


def files(task: Task) -> Iterator[Any]:
    """One file after the other."""
    memory = mmap.mmap(-1, max(task.size, mmap.PAGESIZE))
    for path in task.paths:
        yield from _blocks(path, memory, task.direct)
