"""s3torchconnector: its datasets, its readers and its checkpoint writer."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch
from s3torchconnector import S3Checkpoint, S3ClientConfig, S3IterableDataset, S3MapDataset, S3Reader
from torch.utils.data import DataLoader

from bench.task import Task

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


def to_tensor(reader: S3Reader) -> torch.Tensor:
    """The transform of the DataLoader works: bytes as a tensor, without a copy of its own."""
    return torch.frombuffer(reader.read(), dtype=torch.uint8)


def loader(task: Task) -> Iterator[Any]:
    """Its datasets with the default collate; the iterable one shares its objects among the workers."""
    place = f"s3://{task.bucket}/{task.prefix}"
    if task.style == "map":
        dataset = S3MapDataset.from_prefix(place, transform=to_tensor, **_where(task))
    else:
        dataset = S3IterableDataset.from_prefix(place, transform=to_tensor, enable_sharding=True, **_where(task))
    yield from DataLoader(dataset, batch_size=task.batch, num_workers=task.workers)
