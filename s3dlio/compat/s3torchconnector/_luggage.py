"""`Luggage`: what goes from process to process in memory that both of them see."""

from __future__ import annotations

import torch

from s3dlio.torch.blocks import memory_of

__all__ = ["Luggage"]


class Luggage:
    """The objects of the readers of a batch, one behind the other in memory that processes share."""

    def __init__(self, block: torch.Tensor) -> None:
        self.block = block
        self._memory: memoryview | None = None

    def part(self, start: int, size: int) -> memoryview:
        """One of the objects. It keeps the memory."""
        if self._memory is None:
            (self._memory,) = memory_of(self.block, [self.block.numel()])
        return self._memory[start : start + size]

    def __reduce__(self) -> tuple[type[Luggage], tuple[torch.Tensor]]:
        return Luggage, (self.block,)
