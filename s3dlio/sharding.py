"""The order in which samples come, and who gets which of them: exact, and the same on every machine.

A pass over N samples has one order, which every rank and every worker computes alike: the listing's order, or a
permutation that depends on N, the seed and the epoch only. The sample at position p of that order belongs to rank
``p % world_size``; among the samples of a rank, the one at position j belongs to worker ``j % workers``. Nothing is
padded or dropped, so each sample comes exactly once; shards differ in length by at most one sample.
"""

from __future__ import annotations

import random
from array import array
from dataclasses import dataclass

__all__ = ["WHOLE", "Shard", "permutation", "positions"]


@dataclass(frozen=True)
class Shard:
    """The samples whose position p in the order has ``p % count == index``."""

    index: int = 0
    count: int = 1

    @classmethod
    def of(cls, rank: int | None, world_size: int | None, worker: int | None, workers: int | None) -> Shard:
        """The shard of a worker of a rank; None where there is only one."""
        return cls(rank or 0, world_size or 1).split(worker or 0, workers or 1)

    def split(self, index: int, count: int) -> Shard:
        """Part `index` of `count` of this shard: every count-th sample of it, starting at the index-th."""
        return Shard(self.index + self.count * index, self.count * count)

    def size(self, total: int) -> int:
        """How many of `total` samples belong to this shard."""
        return len(range(self.index, total, self.count))


WHOLE = Shard()


def permutation(total: int, seed: int, epoch: int = 0) -> array[int]:
    """A random order of ``range(total)``, the same wherever and whenever it is computed for these arguments.

    Only ``Random.random()`` is used, the one method whose sequence Python promises to keep between versions.
    """
    draw = random.Random(f"{seed}/{epoch}").random  # a string is hashed with SHA-512: close seeds are unrelated
    order = array("q", range(total))
    for last in range(total - 1, 0, -1):
        other = int(draw() * (last + 1))
        order[last], order[other] = order[other], order[last]
    return order


def positions(total: int, *, seed: int | None = None, epoch: int = 0, shard: Shard = WHOLE) -> array[int] | None:
    """Which of ``range(total)`` a shard reads, in its order; None stands for all of them as they are.

    Without a seed the order is that of the listing, whatever the epoch.
    """
    if seed is not None:
        return permutation(total, seed, epoch)[shard.index :: shard.count]
    if shard.count == 1:
        return None
    return array("q", range(shard.index, total, shard.count))
