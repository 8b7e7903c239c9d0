"""DataLoader workers of every start method, after the parent process has done I/O itself."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

import s3dlio
from s3dlio.torch import S3IterableDataset, S3MapDataset
from tests.support.samples import Store, fill, number_of, sample
from tests.support.servers import Bucket

# torch warns where there are more workers than processors
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")
COUNT = 20
PATIENCE = 120  # seconds that a DataLoader waits for a worker

# Each worker that is not forked imports torch, so their number is small.
METHODS = [("fork", 1), ("fork", 3), ("forkserver", 3), ("spawn", 2)]


def loader_of(dataset: Any, method: str, workers: int, **arguments: Any) -> DataLoader[Any]:
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["torch", "s3dlio.torch"])
    return DataLoader(
        dataset, batch_size=4, num_workers=workers, multiprocessing_context=context, timeout=PATIENCE, **arguments
    )


def numbers(loader: DataLoader[Any]) -> list[int]:
    return [number_of(sample.numpy()) for batch in loader for sample in batch]


@pytest.fixture
def used_bucket(minio_bucket: Bucket) -> Iterator[Bucket]:
    """A bucket of samples that this process has already read from, with views that are still alive."""
    uris = fill(minio_bucket, COUNT)
    used_bucket_views.append(s3dlio.get(uris[0]))
    assert len(list(s3dlio.create_dataset(minio_bucket.uri("train/")))) == COUNT
    yield minio_bucket
    used_bucket_views.clear()


used_bucket_views: list[Any] = []


@pytest.mark.parametrize(("method", "workers"), METHODS)
def test_every_worker_reads_its_share_in_every_epoch(used_bucket: Bucket, method: str, workers: int) -> None:
    """One loader whose workers live through three epochs, and are told of each."""
    dataset = S3IterableDataset(used_bucket.uri("train/"), shuffle=True, seed=3)
    loader = loader_of(dataset, method, workers, persistent_workers=True)
    orders = []
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        orders.append(numbers(loader))
        used_bucket_views.append(s3dlio.get(used_bucket.uri("train/0001.bin")))
        assert sorted(orders[-1]) == list(range(COUNT))
    assert orders[0] == orders[2] != orders[1]


@pytest.mark.parametrize(("method", "workers"), [("fork", 3), ("forkserver", 2), ("spawn", 1)])
def test_map_datasets_in_workers(used_bucket: Bucket, method: str, workers: int) -> None:
    dataset = S3MapDataset(used_bucket.uri("train/"))
    loader = loader_of(dataset, method, workers, shuffle=True, generator=torch.Generator().manual_seed(1))
    seen = numbers(loader)
    assert sorted(seen) == list(range(COUNT))
    assert seen != sorted(seen)


@pytest.fixture
def everywhere(place_of: Callable[[str], Store]) -> list[str]:
    """Samples that lie in every service, one after the other; this process has read from each."""
    places = [place_of(kind) for kind in ("minio", "azurite", "fake_gcs", "hdfs")]
    uris = [places[i % len(places)].put(f"train/{i:04d}.bin", sample(i)) for i in range(COUNT)]
    assert [number_of(view) for view in s3dlio.PyDataset.from_uris(uris)] == list(range(COUNT))
    return uris


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_from_every_service(everywhere: list[str], method: str) -> None:
    """Each worker connects to each service anew, with what it was told when it began."""
    dataset = S3MapDataset(s3dlio.PyDataset.from_uris(everywhere))
    assert numbers(loader_of(dataset, method, 2)) == list(range(COUNT))
    again = S3IterableDataset(s3dlio.PyDataset.from_uris(everywhere))
    assert sorted(numbers(loader_of(again, "fork", 2))) == list(range(COUNT))


def test_in_the_main_process(used_bucket: Bucket) -> None:
    for kind in (S3IterableDataset, S3MapDataset):
        loader: DataLoader[Any] = DataLoader(kind(used_bucket.uri("train/")), batch_size=4)
        assert numbers(loader) == list(range(COUNT))


def test_a_pass_of_the_parent_goes_on_while_workers_run(used_bucket: Bucket) -> None:
    steps = iter(s3dlio.create_dataset(used_bucket.uri("train/"), max_concurrent=1, prefetch=1))
    assert number_of(next(steps)) == 0
    assert len(numbers(loader_of(S3IterableDataset(used_bucket.uri("train/")), "fork", 2))) == COUNT
    assert [number_of(view) for view in steps] == list(range(1, COUNT))


def test_leaving_an_epoch_early_and_starting_another(used_bucket: Bucket) -> None:
    dataset = S3IterableDataset(used_bucket.uri("train/"))
    loader = loader_of(dataset, "fork", 2, persistent_workers=True)
    for _ in range(3):
        assert len(next(iter(loader))) == 4
    assert sorted(numbers(loader)) == list(range(COUNT))


def test_workers_do_not_list(audited_bucket: Bucket, audit_log: Any, use_server: Callable[..., None]) -> None:
    fill(audited_bucket, 6)
    for kind in (S3IterableDataset, S3MapDataset):
        before = len(audit_log.requests(audited_bucket, "ListObjectsV2", "ListObjectsV1"))
        dataset = kind(audited_bucket.uri("train/"))
        listed = len(audit_log.requests(audited_bucket, "ListObjectsV2", "ListObjectsV1"))
        assert listed > before
        assert len(numbers(loader_of(dataset, "fork", 2))) == 6
        assert len(audit_log.requests(audited_bucket, "ListObjectsV2", "ListObjectsV1")) == listed
    assert len(audit_log.requests(audited_bucket, "GetObject")) == 12  # one request a sample
    assert audit_log.requests(audited_bucket, "HeadObject") == []  # sizes came with the listing
