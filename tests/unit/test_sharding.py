"""Sharding is exact: each sample once over ranks and workers, in one order that all of them share."""

from __future__ import annotations

import itertools

import pytest

from s3dlio.listing import Listing
from s3dlio.progress import Progress
from s3dlio.sharding import Shard, order_of, permutation

TOTALS = [0, 1, 2, 3, 5, 7, 16, 31, 97]
FIRST = [5, 9, 4, 1, 8, 6, 3, 0, 7, 2]
SECOND = [2, 9, 0, 1, 5, 4, 7, 6, 3, 8]
RANKS = [1, 2, 3, 8]
WORKERS = [1, 2, 3, 5]


def read(total: int, shard: Shard, seed: int | None = None, epoch: int = 0) -> list[int]:
    return list(order_of(total, seed=seed, epoch=epoch)[shard.index :: shard.count])


@pytest.mark.parametrize("seed", [None, 0, 42])
@pytest.mark.parametrize("total", TOTALS)
@pytest.mark.parametrize("ranks", RANKS)
def test_each_sample_comes_exactly_once(total: int, ranks: int, seed: int | None) -> None:
    for workers in WORKERS:
        shards = [Shard(r, ranks).split(w, workers) for r in range(ranks) for w in range(workers)]
        parts = [read(total, shard, seed) for shard in shards]
        assert sorted(itertools.chain(*parts)) == list(range(total))
        assert [len(p) for p in parts] == [s.size(total) for s in shards]
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_ranks_may_have_different_numbers_of_workers() -> None:
    shards = [Shard(0, 2).split(w, 3) for w in range(3)] + [Shard(1, 2).split(w, 2) for w in range(2)]
    parts = [read(50, shard, seed=1) for shard in shards]
    assert sorted(itertools.chain(*parts)) == list(range(50))


def test_workers_interleave_to_the_order_of_their_rank() -> None:
    rank = read(23, Shard(1, 2), 7)
    workers = [read(23, Shard(1, 2).split(w, 3), 7) for w in range(3)]
    together = [x for row in itertools.zip_longest(*workers) for x in row if x is not None]
    assert together == rank


def test_order_depends_on_seed_and_epoch_only() -> None:
    orders = [tuple(permutation(100, seed, epoch)) for seed in (0, 1, 2, 12, -1) for epoch in (0, 1, 2, 10)]
    assert len(set(orders)) == len(orders)
    assert permutation(100, 3, 4) == permutation(100, 3, 4)
    assert all(sorted(o) == list(range(100)) for o in orders)


def test_order_is_the_same_on_every_machine_and_version() -> None:
    assert permutation(10, 42).tolist() == FIRST
    assert permutation(10, 42, 1).tolist() == SECOND


def test_permutation_is_fair() -> None:
    """Each of the 24 orders of four samples comes about as often as the others."""
    seen = {order: 0 for order in itertools.permutations(range(4))}
    for epoch in range(2400):
        seen[tuple(permutation(4, 9, epoch))] += 1
    assert min(seen.values()) > 60 and max(seen.values()) < 150  # expected 100, standard deviation 10


def test_without_seed_or_shard_nothing_is_built() -> None:
    assert len(order_of(1 << 40)[3::8]) == 1 << 37
    assert Progress(epoch=3).begin(Listing.from_uris(["a://b", "a://c"])) is None
