"""Batches of known sizes, fetched into one piece of memory: no copy makes a batch of them.

In a DataLoader worker that piece is shared with the parent process, so the batch crosses without a copy too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from itertools import accumulate

import torch
from torch.utils.data import get_worker_info

from s3dlio.dataset import PyDataset
from s3dlio.errors import InvalidError

__all__ = ["fetch_block", "is_block", "memory_of", "new_block"]


def new_block(size: int) -> torch.Tensor:
    """Uninitialised uint8 memory of that many bytes; in a worker it is shared with the parent."""
    if get_worker_info() is None:
        return torch.empty(size, dtype=torch.uint8)
    storage = torch.UntypedStorage._new_shared(max(size, 1))  # type: ignore[no-untyped-call]
    return torch.empty(0, dtype=torch.uint8).set_(storage)[:size]


def fetch_block(dataset: PyDataset, indices: Sequence[int]) -> list[torch.Tensor] | None:
    """The samples at these indices, one behind the other in a block.

    None where their sizes are not known, or turn out to be others than the listing said, or are all zero.
    """
    sizes = [dataset.size(index) for index in indices]
    if min(sizes, default=0) < 0 or not any(sizes):
        return None
    block = new_block(sum(sizes))
    try:
        lengths = dataset.fetch_into(indices, memory_of(block, sizes))
    except InvalidError:  # a sample has grown out of its place
        return None
    return list(torch.split(block, sizes)) if lengths == sizes else None


def memory_of(block: torch.Tensor, sizes: Sequence[int]) -> list[memoryview]:
    """The parts of a block as writable buffers, each of which keeps the block."""
    whole = (ctypes.c_char * max(sum(sizes), 1)).from_address(block.data_ptr())
    whole.block = block  # type: ignore[attr-defined]  # ctypes does not own the memory
    view = memoryview(whole).cast("B")
    return [view[end - size : end] for end, size in zip(accumulate(sizes), sizes, strict=True)]


def is_block(samples: Sequence[torch.Tensor]) -> bool:
    """Whether the samples lie one behind the other in one piece of memory."""
    end = samples[0].data_ptr()
    for sample in samples:
        if sample.data_ptr() != end:
            return False
        end += sample.numel()
    storage = samples[0].untyped_storage()
    return end <= storage.data_ptr() + storage.nbytes()  # what lies in it is part of it
