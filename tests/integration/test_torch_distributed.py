"""Three ranks with two workers each: one listing, and each sample once, whatever happens in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import DataLoader, DistributedSampler

import s3dlio
from s3dlio import resolve
from s3dlio.torch import S3IterableDataset, S3MapDataset, source
from tests.support.ranks import PATIENCE, run_ranks
from tests.support.samples import Folder, fill, number_of

# torch warns where there are more workers than processors
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")
COUNT = 20

Work = Callable[[int, Folder], Any]


def run(work: Work, place: Folder) -> list[Any]:
    """What `work(rank, place)` returns in each of three processes of one process group."""
    return run_ranks(3, work, place)


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    """A folder of samples that this process has already read."""
    folder = Folder(tmp_path / "data")
    fill(folder, COUNT)
    assert len(list(s3dlio.create_dataset(folder.uri("train/")))) == COUNT
    return folder


def list_and_let_another_object_appear(rank: int, folder: Folder) -> None:
    """Rank 0 adds an object once it has listed; the others wait for that before they begin."""
    appeared = folder.path / "train/0000.added"
    if rank == 0:
        list_samples = resolve.list_samples

        def list_then_add(*arguments: Any) -> Any:
            listing = list_samples(*arguments)
            folder.put("train/0000.added", b"99|")
            return listing

        vars(source)["list_samples"] = list_then_add
    else:
        deadline = time.monotonic() + PATIENCE
        while not appeared.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def numbers(loader: DataLoader[Any]) -> list[int]:
    return [number_of(data) for batch in loader for data in batch]


def iterate(rank: int, folder: Folder) -> list[list[int]]:
    list_and_let_another_object_appear(rank, folder)
    dataset = S3IterableDataset(folder.uri("train/"), shuffle=True, return_type="bytes")
    seen = []
    for epoch in range(2):
        dataset.set_epoch(epoch)
        seen.append(numbers(DataLoader(dataset, batch_size=3, num_workers=2, timeout=PATIENCE)))
    return seen


def index(rank: int, folder: Folder) -> list[list[int]]:
    list_and_let_another_object_appear(rank, folder)
    dataset = S3MapDataset(folder.uri("train/"), return_type="bytes")
    sampler: DistributedSampler[Any] = DistributedSampler(dataset, shuffle=True)
    return [numbers(DataLoader(dataset, batch_size=3, num_workers=2, sampler=sampler, timeout=PATIENCE))]


def test_ranks_and_workers_share_one_listing_exactly(place: Folder) -> None:
    results = run(iterate, place)
    for epoch in range(2):
        parts = [result[epoch] for result in results]
        assert sorted(sum(parts, [])) == list(range(COUNT))  # without 99, which appeared meanwhile
        assert sorted(map(len, parts)) == [6, 7, 7]
    assert results[0][0] != results[0][1]


def test_map_datasets_of_all_ranks_have_one_listing(place: Folder) -> None:
    parts = [result[0] for result in run(index, place)]
    assert set(sum(parts, [])) == set(range(COUNT))
    assert [len(part) for part in parts] == [7, 7, 7]  # the sampler pads


def refuse(_: int, folder: Folder) -> str:
    try:
        S3IterableDataset(folder.uri("nothing/"))
    except s3dlio.NotFoundError as error:
        return str(error)
    return "no error"


def test_an_error_of_the_listing_reaches_every_rank(place: Folder) -> None:
    results = run(refuse, place)
    assert len(set(results)) == 1
    assert "not found" in results[0]


def alone(rank: int, folder: Folder) -> int:
    """Nothing here is a collective call, so one rank may do it without the others."""
    if rank != 1:
        return 0
    everything = S3IterableDataset(folder.uri("train/"), enable_sharding=False)
    given = S3IterableDataset(s3dlio.create_dataset(folder.uri("train/")), shard_rank=0, shard_world_size=1)
    indexed = S3MapDataset(s3dlio.create_dataset(folder.uri("train/")))
    return len(list(everything)) + len(list(given)) + len(indexed)


def test_a_rank_may_load_for_itself(place: Folder) -> None:
    assert run(alone, place) == [0, 3 * COUNT, 0]
