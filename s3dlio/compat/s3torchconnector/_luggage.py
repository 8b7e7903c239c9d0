"""`Luggage`: what goes from a worker to its parent in memory that both of them see.

Making, clearing and freeing such memory costs more than filling it, so a worker uses it again. Each time that luggage
is sent, a byte in front of it says so until what has arrived is gone: one byte for each, so that nobody who lets go of
it speaks for others who have it, too.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Callable
from multiprocessing.util import Finalize

import torch

from s3dlio.torch.blocks import new_block

__all__ = ["Luggage", "pack"]

_HEADER = 64  # bytes in front of the content, of those who look at it: what follows is aligned
_FOR_EVER = _HEADER - 1  # the byte of those that have none of their own: it stays in use
_STEP = 1 << 20  # blocks are multiples of this: batches differ a little
_WASTE = 4  # times as long as its content may a block be
_MOST = 8  # blocks that a worker keeps
_MOST_ARRIVED = 64  # blocks that a process has got and still sees: each is an open file. Beyond that it has copies
_FREE, _IN_USE = b"\0", b"\1"


class Luggage:
    """The content of a batch in a block of shared memory. While somebody sees it, the block has no other content."""

    def __init__(self, block: torch.Tensor) -> None:
        self.memory = (ctypes.c_char * block.numel()).from_address(block.data_ptr())
        self.memory.block = block  # type: ignore[attr-defined]  # ctypes does not own it
        self._block = block
        self._content = memoryview(self.memory).cast("B")[_HEADER:]

    def part(self, start: int, size: int) -> memoryview:
        """Some of the content. It keeps the memory."""
        return self._content[start : start + size]

    def __reduce__(self) -> tuple[Callable[[torch.Tensor, int], Luggage], tuple[torch.Tensor, int]]:
        return _arrive, (self._block, _blocks.claim(self._block))


_arrived: set[int] = set()  # the ids of what has arrived and is seen
_forks = 0  # of this process and those it was forked from


def _fork() -> None:
    """What is here now will be in two processes: neither of them knows when the other one lets go of it."""
    global _forks
    _forks += 1


os.register_at_fork(before=_fork)


def _arrive(block: torch.Tensor, at: int) -> Luggage:
    """In the process that the luggage came to: when the last view of it is gone, the worker may use the block again."""
    if len(_arrived) >= _MOST_ARRIVED:
        alone = Luggage(block.clone())
        _let_go(block, at, _forks)
        return alone
    luggage = Luggage(block)
    number = id(luggage.memory)
    _arrived.add(number)
    weakref.finalize(luggage.memory, _gone, number, block, at, _forks).atexit = False
    return luggage


def _gone(number: int, block: torch.Tensor, at: int, forks: int) -> None:
    _arrived.discard(number)
    _let_go(block, at, forks)


def _let_go(block: torch.Tensor, at: int, forks: int) -> None:
    if forks == _forks and at != _FOR_EVER:
        _header(block)[at] = _FREE


def _header(block: torch.Tensor) -> ctypes.Array[ctypes.c_char]:
    return (ctypes.c_char * _HEADER).from_address(block.data_ptr())


class _Blocks:
    """The blocks of this process, the last used one last, each with what is seen of its luggage here."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()  # a queue packs in a thread of its own
        self._kept: list[tuple[torch.Tensor, weakref.ref[object]]] = []

    def luggage(self, size: int) -> Luggage:
        """Room for so many bytes."""
        if self._process != os.getpid():
            self.__init__()  # type: ignore[misc]  # forked: they are the parent's
        needed = _HEADER + size
        if not self._kept:  # torch may have made files of them, which go with them
            Finalize(None, self._kept.clear, exitpriority=0)
        with self._lock:
            block = self._free(needed)
            if block is None:
                block = new_block(-(-needed // _STEP) * _STEP)
                _header(block).raw = bytes(_HEADER)
            luggage = Luggage(block)
            self._kept.append((block, weakref.ref(luggage.memory)))
            del self._kept[:-_MOST]
        return luggage

    def claim(self, block: torch.Tensor) -> int:
        """Note that one more process is about to look at a block. Returns the byte of the header that says so."""
        with self._lock:
            header = _header(block)
            at = header.raw.find(_FREE) % _HEADER  # none: the last byte
            header[at] = _IN_USE
        return at

    def _free(self, needed: int) -> torch.Tensor | None:
        for at in reversed(range(len(self._kept))):
            block, memory = self._kept[at]
            fits = needed <= block.numel() <= max(_STEP, _WASTE * needed)
            if fits and memory() is None and _header(block).raw == bytes(_HEADER):
                del self._kept[at]
                return block
        return None


_blocks = _Blocks()


def pack(size: int) -> Luggage:
    """Luggage with room for so many bytes. For a DataLoader worker, whose parent unpacks it."""
    return _blocks.luggage(size)
