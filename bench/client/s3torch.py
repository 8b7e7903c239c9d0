"""s3torchconnector: its datasets, its readers and its checkpoint writer.

The drop-in runs this very file, redirected.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch
from s3torchconnector import S3Checkpoint, S3ClientConfig, S3IterableDataset, S3MapDataset, S3Reader
from torch.utils.data import DataLoader

from bench.client.s3torch_checkpoints import dcp_load, torch_load, torch_save
from bench.task import Task

__all__ = [
    "bytes_loader", "dcp_load", "listing", "loader", "objects", "put", "reader_loader", "reused", "samples", "stream",
    "torch_load", "torch_save", "transformed", "upload", "whole",
]  # fmt: skip

THREADS = 8
# bytes of the readers are only looked at
warnings.filterwarnings("ignore", message="The given buffer is not writable")


def _where(task: Task) -> dict[str, Any]:
    config = S3ClientConfig(force_path_style=True)
    return {"region": task.region, "endpoint": task.endpoint, "s3client_config": config}


@cache
def _checkpoint(task: Task) -> Any:
    return S3Checkpoint(**_where(task))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS)


def objects(task: Task) -> Iterator[Any]:
    """The iterable dataset."""
    for reader in S3IterableDataset.from_objects(task.uris, **_where(task)):
        yield reader.read()


def whole(task: Task) -> Iterator[Any]:
    """A reader, read at once."""
    for uri in task.uris:
        yield _checkpoint(task.service()).reader(uri).read()


def reused(task: Task, memory: memoryview) -> None:
    """A reader's `readinto`."""
    reader, at = _checkpoint(task.service()).reader(task.uris[0]), 0
    while read := reader.readinto(memory[at : task.size]):
        at += read
    if at != task.size:
        raise OSError(f"{at} bytes instead of {task.size}")


def listing(task: Task) -> int:
    """The listing of a map dataset."""
    return len(S3MapDataset.from_prefix(f"s3://{task.bucket}/{task.prefix}", **_where(task)))


def put(task: Task, objects: list[tuple[str, bytes]]) -> None:
    """A writer for each, from threads."""
    for _ in _pool().map(lambda pair: upload(task, *pair), objects):
        pass


def upload(task: Task, key: str, data: bytes) -> None:
    """A writer; it uploads in parts."""
    with _checkpoint(task.service()).writer(f"s3://{task.bucket}/{key}") as writer:
        writer.write(data)


def stream(task: Task, key: str, pieces: list[memoryview]) -> None:
    """A writer, which takes bytes only."""
    with _checkpoint(task.service()).writer(f"s3://{task.bucket}/{key}") as writer:
        for piece in pieces:
            writer.write(bytes(piece))


def to_bytes(reader: S3Reader) -> bytes:
    """A transform: what is in the object."""
    data: bytes = reader.read()
    return data


def to_tensor(reader: S3Reader) -> torch.Tensor:
    """The transform of the DataLoader works: bytes as a tensor, without a copy of its own."""
    return torch.frombuffer(reader.read(), dtype=torch.uint8)


def _dataset(task: Task, transform: Callable[[S3Reader], Any] | None = None) -> Any:
    """A dataset of the work's style; an iterable one shares its objects among the workers."""
    kind = S3MapDataset if task.style == "map" else S3IterableDataset
    options = _where(task) | ({} if transform is None else {"transform": transform})
    if task.style == "iterable":
        options["enable_sharding"] = True
    if task.listed:
        return kind.from_prefix(f"s3://{task.bucket}/{task.prefix}", **options)
    return kind.from_objects(task.uris, **options)


def samples(task: Task) -> Iterator[Any]:
    """A dataset of readers, each of which is read in the loop."""
    for reader in _dataset(task):
        yield reader.read()


def transformed(task: Task) -> Iterator[Any]:
    """A dataset whose transform reads."""
    yield from _dataset(task, to_bytes)


def _loader(task: Task, transform: Callable[[S3Reader], Any] | None) -> Any:
    """With the default collate."""
    return DataLoader(_dataset(task, transform), batch_size=task.batch, num_workers=task.workers)


def loader(task: Task) -> Iterator[Any]:
    """A DataLoader whose samples are tensors."""
    yield from _loader(task, to_tensor)


def bytes_loader(task: Task) -> Iterator[Any]:
    """A DataLoader whose samples are bytes."""
    for batch in _loader(task, to_bytes):
        yield from batch


def reader_loader(task: Task) -> Iterator[Any]:
    """A DataLoader whose samples are readers, which are read where they arrive."""
    for batch in _loader(task, None):
        for reader in batch:
            yield reader.read()
