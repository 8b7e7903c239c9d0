"""The order in which samples come, and who gets which of them: exact, and the same on every machine.

A pass over N samples has one order, which every rank and every worker computes alike: the listing's order, or a
permutation that depends on N, the seed and the epoch only. The sample at position p of that order belongs to rank
``p % world_size``; among the samples of a rank, the one at position j belongs to worker ``j % workers``. Nothing is
padded or dropped, so each sample comes exactly once; shards differ in length by at most one sample.

A pass that was interrupted goes on in a further stage: what its shards have not delivered, in the same order, is
sharded anew, for any number of ranks and workers.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from math import lcm

__all__ = ["WHOLE", "Part", "Shard", "as_column", "order_of", "partition", "permutation", "places_left", "without"]

MOST_SHARDS = 1 << 24  # of one stage, to bound the work that a damaged state can ask for


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

    def holds(self, other: Shard) -> bool:
        """Whether all samples of the other shard belong to this one."""
        return other.count % self.count == 0 and other.index % self.count == self.index

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


def order_of(total: int, *, seed: int | None = None, epoch: int = 0) -> Sequence[int]:
    """The order of a whole pass over ``range(total)``: without a seed that of the listing, whatever the epoch."""
    return range(total) if seed is None else permutation(total, seed, epoch)


@dataclass(frozen=True)
class Part:
    """What a shard of an order has delivered.

    Attributes:
        shard: which samples of the order it has.
        bounds: its samples 0 to ``bounds[0]`` are delivered, then those from ``bounds[1]`` to ``bounds[2]``, and so on:
            an odd number of growing ints.
        last: where the listing was not known, the URI of the last of them.
    """

    shard: Shard = WHOLE
    bounds: tuple[int, ...] = (0,)
    last: str = ""

    def spans(self) -> Iterable[tuple[int, int]]:
        """The places in the shard that are delivered, as pairs of the first and the one behind the last."""
        edges = (0, *self.bounds)
        return zip(edges[::2], edges[1::2], strict=True)

    def furthest(self) -> int:
        """The place in the order of the furthest sample delivered; negative where there is none."""
        return self.shard.index + self.shard.count * (self.bounds[-1] - 1) if self.bounds[-1] else -1


def without(order: Sequence[int], stage: Iterable[Part]) -> Sequence[int]:
    """What remains of an order when the parts of a stage have delivered theirs; the parts lie inside it."""
    kept = bytearray(b"\1") * len(order)
    for part in stage:
        for start, stop in part.spans():
            _clear(kept, part.shard, start, stop)
    return array("q", compress(order, kept))


def _clear(kept: bytearray, shard: Shard, start: int, stop: int) -> None:
    first = shard.index + shard.count * start
    kept[first : first + shard.count * (stop - start) : shard.count] = bytes(stop - start)


def places_left(part: Part, total: int) -> Sequence[int]:
    """The places in a shard of an order of `total` samples that are not delivered yet."""
    size = part.shard.size(total)
    if len(part.bounds) == 1:
        return range(part.bounds[0], size)
    return without(range(size), [Part(WHOLE, part.bounds)])


def partition(shards: Iterable[Shard]) -> bool | None:
    """Whether shards cover an order: True each sample once, False not all of them, None some more than once."""
    shards = list(shards)
    counts = lcm(*{shard.count for shard in shards})
    if counts > MOST_SHARDS:
        return False
    owners = bytearray(counts)
    for shard in shards:
        if any(owners[shard.index :: shard.count]):
            return None
        owners[shard.index :: shard.count] = b"\1" * (counts // shard.count)
    return all(owners)


def as_column(order: Sequence[int]) -> array[int]:
    """An order as the library takes it."""
    return order if isinstance(order, array) else array("q", order)
