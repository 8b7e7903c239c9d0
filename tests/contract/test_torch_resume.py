"""Training that is killed and goes on: with torchdata's StatefulDataLoader, and with the datasets by themselves."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader  # type: ignore[import-untyped]

import s3dlio
from s3dlio.torch import S3IterableDataset, S3MapDataset
from tests.support.samples import Folder, fill, number_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),  # more workers than processors
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated"),  # torchdata calls it
]
COUNT = 29
PATIENCE = 120.0  # seconds

Batches = Callable[[Folder, Any], Iterator[tuple[list[int], Any]]]


def numbers(batch: Any) -> list[int]:
    return [number_of(sample) for sample in batch] if isinstance(batch, list) else [number_of(batch)]


def loader_of(folder: Folder, kind: str, workers: int, **arguments: Any) -> Any:
    """In each a shuffled order, and batches made by the loader or by the dataset."""
    uri = folder.uri("train/")
    if kind == "map":
        dataset: Any = S3MapDataset(uri, return_type="bytes")
        return StatefulDataLoader(dataset, batch_size=3, shuffle=True, num_workers=workers, **arguments)
    if kind == "batches of the dataset":
        dataset = S3IterableDataset(uri, batch_size=3, shuffle=True, seed=5, return_type="bytes")
        return StatefulDataLoader(dataset, batch_size=None, num_workers=workers, **arguments)
    size = {"iterable": 3, "one by one": None}[kind]
    dataset = S3IterableDataset(uri, shuffle=kind == "iterable", seed=5, return_type="bytes")
    return StatefulDataLoader(dataset, batch_size=size, num_workers=workers, **arguments)


def train(folder: Folder, kind: str, workers: int, kill_at: int | None) -> None:
    """Runs to the end, or kills itself after a step whose state is not saved. Keeps what was seen with each state."""
    file = folder.path / "state"
    loader = loader_of(folder, kind, workers)
    seen: list[int] = []
    if file.exists():
        seen, state = pickle.loads(file.read_bytes())
        loader.load_state_dict(state)
    for step, batch in enumerate(loader):
        seen = [*seen, *numbers(batch)]
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        saved = folder.path / "state.new"
        saved.write_bytes(pickle.dumps((seen, loader.state_dict())))
        saved.rename(file)


def run(*arguments: Any) -> int:
    process = multiprocessing.get_context("fork").Process(target=train, args=arguments)
    process.start()
    deadline = time.monotonic() + PATIENCE
    while process.exitcode is None:  # join() would also wait for the workers, which notice after five seconds
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process.exitcode


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("kind", ["iterable", "one by one", "batches of the dataset", "map"])
def test_killed_at_a_random_step(folder: Folder, kind: str, workers: int) -> None:
    fill(folder, COUNT)
    assert run(folder, kind, workers, random.randrange(4)) == -signal.SIGKILL
    assert run(folder, kind, workers, random.randrange(4)) == -signal.SIGKILL
    assert run(folder, kind, workers, None) == 0
    seen, _ = pickle.loads((folder.path / "state").read_bytes())
    assert sorted(seen) == list(range(COUNT)), seen


def test_workers_that_are_spawned(folder: Folder) -> None:
    fill(folder, COUNT)
    spawned = {"multiprocessing_context": "spawn", "timeout": PATIENCE}
    first = loader_of(folder, "iterable", 2, **spawned)
    seen = numbers(next(iter(first)))
    state = pickle.loads(pickle.dumps(first.state_dict()))
    second = loader_of(folder, "iterable", 2, **spawned)
    second.load_state_dict(state)
    assert sorted(seen + [n for batch in second for n in numbers(batch)]) == list(range(COUNT))


def some_of(loader: Any, steps: int) -> list[int]:
    return [n for _, batch in zip(range(steps), loader, strict=False) for n in numbers(batch)]


def shard(folder: Folder, rank: int, world: int, **options: Any) -> S3IterableDataset:
    options = {"shuffle": True, "return_type": "bytes", "shard_rank": rank, "shard_world_size": world, **options}
    return S3IterableDataset(folder.uri("train/"), **options)


@pytest.mark.parametrize("batch_size", [None, 2])
def test_other_numbers_of_ranks_and_workers(folder: Folder, batch_size: int | None) -> None:
    """2 ranks of 2 workers, 3 ranks of 0, 1 rank of 3: each time from the states of all."""
    fill(folder, COUNT)
    seen: list[int] = []
    states: Any = None
    for world, workers, steps in ((2, 2, 3), (3, 0, 2), (1, 3, COUNT)):
        after = []
        for rank in range(world):
            dataset = shard(folder, rank, world, batch_size=batch_size)
            dataset.set_epoch(4)
            if states:
                dataset.load_state_dict(states)
            loader = StatefulDataLoader(dataset, batch_size=None if batch_size else 2, num_workers=workers)
            seen += some_of(loader, steps)
            after.append(loader.state_dict())
        states = json.loads(json.dumps(s3dlio.merge_states(after)))
        assert states["epoch"] == 4
    assert sorted(seen) == list(range(COUNT))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("persistent", [False, True])
def test_only_the_next_epoch_of_a_dataloader_goes_on(folder: Folder, workers: int, persistent: bool) -> None:
    fill(folder, COUNT)
    first = shard(folder, 0, 1)
    first.set_epoch(2)
    seen = some_of(first, 11)
    dataset = shard(folder, 0, 1)
    dataset.load_state_dict(first.state_dict())
    loader: DataLoader[Any] = DataLoader(
        dataset, batch_size=4, num_workers=workers, persistent_workers=persistent and workers > 0
    )
    assert sorted(seen + some_of(loader, COUNT)) == list(range(COUNT))
    for again in (loader, loader, dataset):
        assert sorted(some_of(again, COUNT)) == list(range(COUNT))
    dataset.load_state_dict(first.state_dict())
    dataset.set_epoch(3)
    other: DataLoader[Any] = DataLoader(dataset, batch_size=4, num_workers=workers)
    assert sorted(some_of(other, COUNT)) == list(range(COUNT))


def test_workers_that_a_state_does_not_reach_say_so(folder: Folder) -> None:
    fill(folder, COUNT)
    first = shard(folder, 0, 1)
    seen = some_of(first, 11)
    dataset = shard(folder, 0, 1)
    loader: DataLoader[Any] = DataLoader(dataset, batch_size=4, num_workers=1, persistent_workers=True)
    assert sorted(some_of(loader, COUNT)) == list(range(COUNT))
    dataset.load_state_dict(first.state_dict())
    with pytest.raises(s3dlio.InvalidError, match="make a new DataLoader"):
        some_of(loader, COUNT)
    other: DataLoader[Any] = DataLoader(dataset, batch_size=4, num_workers=2)
    assert sorted(seen + some_of(other, COUNT)) == list(range(COUNT))


def test_a_dataset_by_itself(folder: Folder) -> None:
    fill(folder, COUNT)
    first = shard(folder, 0, 1, batch_size=3, drop_last=True)
    whole = list(map(numbers, first))
    steps = iter(first)
    assert numbers(next(steps)) == whole[0]
    state = first.state_dict()
    assert state == steps.state_dict()  # type: ignore[attr-defined]
    again = pickle.loads(pickle.dumps(first))
    again.load_state_dict(state)
    assert again.state_dict() == state
    assert pickle.loads(pickle.dumps(again)).state_dict() == state
    assert list(map(numbers, again)) == whole[1:]
    assert list(map(numbers, again)) == whole


def test_the_parent_of_workers_does_not_know_how_far_they_are(folder: Folder) -> None:
    fill(folder, 6)
    dataset = S3IterableDataset(folder.uri("train/"), return_type="bytes")
    loader: DataLoader[Any] = DataLoader(dataset, batch_size=2, num_workers=1)
    assert some_of(loader, 2) == [0, 1, 2, 3]
    with pytest.raises(s3dlio.InvalidError, match="StatefulDataLoader"):
        dataset.state_dict()
    assert some_of(dataset, 2) == [0, 1]
    assert dataset.state_dict()["parts"] == [[0, 1, [2]]]


def test_an_epoch_that_has_ended_is_followed_by_a_whole_one(folder: Folder) -> None:
    fill(folder, COUNT)
    for workers in (0, 2):
        loader = loader_of(folder, "iterable", workers)
        assert len(some_of(loader, COUNT)) == COUNT
        assert list(loader)  # to its end
        again = loader_of(folder, "iterable", workers)
        again.load_state_dict(loader.state_dict())
        assert len(some_of(again, COUNT)) == COUNT
        dataset = S3IterableDataset(folder.uri("train/"), return_type="bytes", shuffle=True, seed=5)
        dataset.load_state_dict(loader.state_dict())
        assert len(some_of(dataset, COUNT)) == COUNT


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("kind", ["iterable", "map"])
def test_a_listing_that_has_changed_is_an_error(folder: Folder, kind: str, workers: int) -> None:
    fill(folder, 9)
    first = loader_of(folder, kind, workers)
    some_of(first, 1)
    state = first.state_dict()
    del first
    fill(folder, 10)
    second = loader_of(folder, kind, workers)
    second.load_state_dict(state)
    with pytest.raises(s3dlio.ChangedError, match="listing has changed"):
        next(iter(second))


def test_states_are_checked(folder: Folder) -> None:
    fill(folder, 9)
    iterable, indexed = S3IterableDataset(folder.uri("train/")), S3MapDataset(folder.uri("train/"))
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: iterable.load_state_dict({}), "no state of s3dlio"),
        (lambda: iterable.load_state_dict(indexed.state_dict()), "no state of s3dlio"),
        (lambda: iterable.load_state_dict(iterable.state_dict() | {"parts": 1}), "damaged"),
        (lambda: iterable.load_state_dict(shard(folder, 0, 1).state_dict()), "shuffle"),
        (lambda: indexed.load_state_dict(iterable.state_dict()), "no state of a map-style dataset"),
        (lambda: indexed.load_state_dict(None), "no state of a map-style dataset"),  # type: ignore[arg-type]
    ]
    for load, text in wrong:
        with pytest.raises(s3dlio.InvalidError, match=text):
            load()
    indexed.load_state_dict(indexed.state_dict())
    assert Path(folder.path / "train/0000.bin").exists()
