"""The drop-in's datasets in DataLoader workers of every start method, after the parent has read with them itself."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import ConcatDataset, DataLoader, Subset

from s3dlio.compat.s3torchconnector import S3Exception, S3IterableDataset, S3MapDataset, S3Reader
from tests.support import forks
from tests.support.audit import AuditLog
from tests.support.readers import KINDS, REGION
from tests.support.samples import Folder, Store, fill, sample
from tests.support.servers import Bucket, S3Server

# torch warns where there are more workers than processors
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")
COUNT = 24
PATIENCE = 120  # seconds that a DataLoader waits for a worker
METHODS = [("fork", 0), ("fork", 1), ("fork", 3), ("forkserver", 2), ("spawn", 1)]
LARGE = 100_000  # bytes of samples that are worth shared memory


def read(reader: S3Reader) -> bytes:
    return reader.read()


def labelled(reader: S3Reader) -> dict[str, Any]:
    return {"data": reader.read(), "key": reader.key}


def dataset_of(kind: Any, place: Store, source: str = "prefix", **arguments: Any) -> Any:
    """A dataset that this process has used."""
    if kind is S3IterableDataset:
        arguments["enable_sharding"] = True
    if source == "prefix":
        dataset = kind.from_prefix(place.uri("train/"), region=REGION, **arguments)
    else:
        uris = [place.uri(f"train/{i:04d}.bin") for i in range(COUNT)]
        dataset = kind.from_objects(uris, region=REGION, **arguments)
    assert next(iter(dataset)) is not None
    return dataset


def loader_of(dataset: Any, method: str, workers: int, **arguments: Any) -> DataLoader[Any]:
    context: Any = multiprocessing.get_context(method) if workers else None
    if method == "forkserver":
        context.set_forkserver_preload(["torch", "s3dlio.compat.s3torchconnector.s3map_dataset"])
    options = {"batch_size": 5, "num_workers": workers, "timeout": PATIENCE if workers else 0, **arguments}
    return DataLoader(dataset, multiprocessing_context=context, **options)


@pytest.mark.parametrize("kind", [S3IterableDataset, S3MapDataset])
@pytest.mark.parametrize(
    ("method", "workers"), [("fork", 0), ("fork", 1), ("fork", 3), ("forkserver", 2), ("spawn", 1)]
)
def test_readers_and_bytes_come_out_of_workers(minio_bucket: Bucket, kind: Any, method: str, workers: int) -> None:
    fill(minio_bucket, COUNT)
    wanted = [sample(i) for i in range(COUNT)]
    sources = ("prefix", "objects") if method == "fork" else ("prefix",)
    for source in sources:
        for name in KINDS if method == "fork" else ("sequential",):
            dataset = dataset_of(kind, minio_bucket, source, reader_constructor=KINDS[name])
            readers = [reader for batch in loader_of(dataset, method, workers) for reader in batch]
            assert sorted(readers[0].read(-1) for readers in [[reader] for reader in readers]) == sorted(wanted)
        dataset = dataset_of(kind, minio_bucket, source, transform=read)
        assert sorted(each for batch in loader_of(dataset, method, workers) for each in batch) == sorted(wanted)


@pytest.mark.parametrize("kind", [S3IterableDataset, S3MapDataset])
def test_the_worker_is_who_asks_and_once(audited_bucket: Bucket, audit_log: AuditLog, kind: Any) -> None:
    fill(audited_bucket, COUNT)
    dataset = dataset_of(kind, audited_bucket)
    readers = [reader for batch in loader_of(dataset, "fork", 2) for reader in batch]
    before = len(audit_log.requests(audited_bucket, "GetObject", "HeadObject"))
    assert before == COUNT
    for reader in readers:
        reader.seek(0, 2)
        reader.seek(1)
        assert reader.read() == sample(int(reader.key[-8:-4]))[1:]
    assert len(audit_log.requests(audited_bucket, "GetObject", "HeadObject")) == before


def test_a_reader_keeps_its_place(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    fill(place, COUNT)
    dataset = dataset_of(S3MapDataset, place, transform=_moved)
    for batch in loader_of(dataset, "fork", 1):
        for reader in batch:
            number = int(reader.key[-8:-4])
            assert reader.tell() == 2
            assert reader.read(3) == sample(number)[2:5]
            assert reader.seek(0) == 0 and reader.read() == sample(number)


def _moved(reader: S3Reader) -> S3Reader:
    reader.read(2)
    return reader


@pytest.mark.parametrize("transform", [None, read])
def test_what_was_received_stays_while_later_batches_come(tmp_path: Path, transform: Callable[..., Any] | None) -> None:
    place = Folder(tmp_path)
    for i in range(COUNT):
        place.put(f"train/{i:04d}.bin", b"%d|" % i + bytes([i]) * LARGE)
    given: dict[str, Any] = {} if transform is None else {"transform": transform}
    dataset = dataset_of(S3MapDataset, place, **given)
    loader = loader_of(dataset, "fork", 2, persistent_workers=True)
    for _ in range(3):
        kept = [item for batch in loader for item in batch]  # so the workers' memory is in use until here
        content = [item.read() if isinstance(item, S3Reader) else item for item in kept]
        assert content == [b"%d|" % i + bytes([i]) * LARGE for i in range(COUNT)]
        assert all(type(each) is bytes for each in content)
    for _ in range(3):
        for i, item in enumerate(item for batch in loader for item in batch):  # and here it is used again
            content_of = item.read() if isinstance(item, S3Reader) else item
            assert content_of == b"%d|" % i + bytes([i]) * LARGE


def test_parts_of_datasets_and_samples_with_more_than_bytes(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    for i in range(COUNT):
        place.put(f"train/{i:04d}.bin", bytes([i]) * LARGE)
    dataset = Subset(dataset_of(S3MapDataset, place, transform=labelled), range(3, 20))
    for batch in loader_of(dataset, "fork", 1):
        assert [content[0] for content in batch["data"]] == [int(key[-8:-4]) for key in batch["key"]]
        assert type(batch["data"]) is list and all(len(content) == LARGE for content in batch["data"])


def test_without_batches(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    fill(place, COUNT)
    dataset = dataset_of(S3MapDataset, place)
    loader = loader_of(dataset, "fork", 1, batch_size=None)
    assert [reader.read() for reader in loader] == [sample(i) for i in range(COUNT)]


def test_every_worker_has_all_where_nothing_is_shared_out(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    fill(place, COUNT)
    dataset = S3IterableDataset.from_prefix(place.uri("train/"), transform=read)
    found = [each for batch in loader_of(dataset, "fork", 2) for each in batch]
    assert sorted(found) == sorted(2 * [sample(i) for i in range(COUNT)])


def test_a_failure_in_a_worker_arrives_as_it_is(minio_bucket: Bucket) -> None:
    dataset = S3MapDataset.from_objects([minio_bucket.uri("missing")], region=REGION, transform=read)
    with pytest.raises(S3Exception, match="Service error: The key does not exist"):
        list(loader_of(dataset, "fork", 1))


def test_a_batch_of_readers_of_several_services(
    minio: S3Server, versitygw: S3Server, use_server: Callable[[S3Server], None]
) -> None:
    use_server(minio)
    bucket = minio.new_bucket()
    versitygw.client.create_bucket(Bucket=bucket.name)
    parts = []
    for server in (minio, versitygw):
        Bucket(server, bucket.name).put("train/key", server.name.ljust(10).encode())
        parts.append(S3MapDataset.from_prefix(bucket.uri("train/"), region=REGION, endpoint=server.endpoint))
    for batch in loader_of(ConcatDataset(parts), "fork", 1):
        assert [reader.read() for reader in batch] == [b"minio     ", b"versitygw "]


def test_samples_of_which_the_first_are_bytes(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    for i in range(COUNT):
        place.put(f"train/{i:04d}.bin", bytes([i]) * LARGE)
    dataset = dataset_of(S3MapDataset, place, transform=_some)
    found = [item for batch in loader_of(dataset, "fork", 1) for item in batch]
    assert found == [bytes([i]) * LARGE if i % 5 < 4 else None for i in range(COUNT)]


def _some(reader: S3Reader) -> bytes | None:
    return reader.read() if int(reader.key[-8:-4]) % 5 < 4 else None


class Cached(S3MapDataset):
    """Has the same reader for an index several times, but keeps one reader only."""

    def __getitem__(self, i: int) -> Any:
        kept: tuple[int, Any] = self.__dict__.get("kept", (-1, None))
        if kept[0] != i // 2:
            kept = self.kept = i // 2, super().__getitem__(i // 2)
        return kept[1]


def test_a_reader_that_was_sent_twice_stays_until_both_are_gone(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    for i in range(COUNT):
        place.put(f"train/{i:04d}.bin", bytes([i]) * LARGE)
    dataset = Cached.from_prefix(place.uri("train/"))
    loader = loader_of(dataset, "fork", 1, batch_size=1, collate_fn=_same, prefetch_factor=1)
    kept = []
    for i, reader in enumerate(loader):
        if i % 2:
            kept.append(reader)  # the first of each pair goes at once
    assert [reader.read() for reader in kept] == [bytes([i]) * LARGE for i in range(len(kept))]


def _same(batch: list[Any]) -> Any:
    return batch[0]


def test_a_fork_amid_a_pass_costs_no_request(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    fill(audited_bucket, COUNT)
    found = []
    for i, reader in enumerate(S3IterableDataset.from_prefix(audited_bucket.uri("train/"), region=REGION)):
        found.append(reader.read())
        if i == 3:
            forks.in_child(lambda: None)
    assert found == [sample(i) for i in range(COUNT)]
    assert len(audit_log.requests(audited_bucket, "GetObject")) == COUNT


def test_a_dataset_that_a_thread_was_using_at_the_fork(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    fill(place, COUNT)
    dataset = dataset_of(S3MapDataset, place)
    with dataset._accesses._lock:  # as a thread has it that the child does not have
        forks.in_child(lambda: _reads(dataset))


def _reads(dataset: Any) -> None:
    assert [reader.read() for reader in dataset] == [sample(i) for i in range(COUNT)]


@pytest.mark.parametrize("sharing", ["file_descriptor", "file_system"])
def test_many_batches_are_kept_and_nothing_is_left(tmp_path: Path, sharing: str) -> None:
    import os

    import torch.multiprocessing

    place = Folder(tmp_path)
    for i in range(150):
        place.put(f"train/{i:04d}.bin", sample(i))
    strategy: Any = torch.multiprocessing
    before, way = set(os.listdir("/dev/shm")), strategy.get_sharing_strategy()
    files = len(os.listdir("/proc/self/fd"))
    strategy.set_sharing_strategy(sharing)
    try:
        kept = [
            reader for batch in loader_of(dataset_of(S3MapDataset, place), "fork", 1, batch_size=1) for reader in batch
        ]
    finally:
        strategy.set_sharing_strategy(way)
    assert len(os.listdir("/proc/self/fd")) < files + 90
    assert [reader.read() for reader in kept] == [sample(i) for i in range(150)]
    del kept
    assert not {name for name in set(os.listdir("/dev/shm")) - before if name.startswith("torch_")}
