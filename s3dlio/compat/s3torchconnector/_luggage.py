"""`Luggage`: what goes from a worker to its parent in memory that both of them see.

Making, clearing and freeing such memory costs more than filling it, so a worker uses it again. The first byte of a
block says whether somebody in another process looks at it.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable

import torch

from s3dlio.torch.blocks import new_block

__all__ = ["Luggage", "pack"]

_HEADER = 64  # bytes in front of the content: what follows is aligned
_STEP = 1 << 20  # blocks are multiples of this: batches differ a little
_WASTE = 4  # times as long as its content may a block be
_MOST = 8  # blocks that a worker keeps
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

    def __reduce__(self) -> tuple[Callable[[torch.Tensor], Luggage], tuple[torch.Tensor]]:
        return _arrive, (self._block,)


def _arrive(block: torch.Tensor) -> Luggage:
    """In the process that the luggage came to: when the last view of it is gone, the worker may use the block again."""
    luggage = Luggage(block)
    weakref.finalize(luggage.memory, _let_go, block, os.getpid()).atexit = False
    return luggage


def _let_go(block: torch.Tensor, process: int) -> None:
    if os.getpid() == process:  # a forked child has views of its own, but the parent's are those that count
        _flag(block).value = _FREE


def _flag(block: torch.Tensor) -> ctypes.c_char:
    return ctypes.c_char.from_address(block.data_ptr())


class _Blocks:
    """The blocks of this process, the last used one last, each with what is seen of its luggage here."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._kept: list[tuple[torch.Tensor, weakref.ref[object]]] = []

    def luggage(self, size: int) -> Luggage:
        """Room for so many bytes."""
        if self._process != os.getpid():
            self.__init__()  # type: ignore[misc]  # forked: they are the parent's
        needed = _HEADER + size
        block = self._free(needed)
        if block is None:
            block = new_block(-(-needed // _STEP) * _STEP)
        _flag(block).value = _IN_USE
        luggage = Luggage(block)
        self._kept.append((block, weakref.ref(luggage.memory)))
        del self._kept[:-_MOST]
        return luggage

    def _free(self, needed: int) -> torch.Tensor | None:
        for at in reversed(range(len(self._kept))):
            block, memory = self._kept[at]
            fits = needed <= block.numel() <= max(_STEP, _WASTE * needed)
            if fits and memory() is None and _flag(block).value == _FREE:
                del self._kept[at]
                return block
        return None


_blocks = _Blocks()


def pack(size: int) -> Luggage:
    """Luggage with room for so many bytes. For a DataLoader worker, whose parent unpacks it."""
    return _blocks.luggage(size)
