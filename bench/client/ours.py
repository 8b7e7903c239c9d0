"""This library."""

from __future__ import annotations

import mmap
import time
from collections.abc import Iterator
from typing import Any

import s3dlio
from bench.task import Task


def objects(task: Task) -> Iterator[Any]:
    """A dataset, iterated."""
    yield from s3dlio.PyDataset.from_uris(task.uris)


def whole(task: Task) -> Iterator[Any]:
    """`get`: concurrent ranges into fresh memory."""
    for uri in task.uris:
        yield s3dlio.get(uri)


def reused(task: Task, memory: memoryview) -> None:
    """`get_into`: concurrent ranges to their places."""
    s3dlio.get_into(task.uris[0], memory)


def listing(task: Task) -> int:
    """`list`: a list of URIs."""
    return len(s3dlio.list(task.uri(task.prefix), recursive=True))


def put(task: Task, objects: list[tuple[str, bytes]]) -> None:
    """`put_many`."""
    s3dlio.put_many([(task.uri(key), data) for key, data in objects])


def upload(task: Task, key: str, data: bytes) -> None:
    """`put_bytes`: concurrent parts."""
    s3dlio.put_bytes(task.uri(key), data)


def stream(task: Task, key: str, pieces: list[memoryview]) -> None:
    """`create_writer`."""
    with s3dlio.create_writer(task.uri(key)) as writer:
        for piece in pieces:
            writer.write(piece)


def _local(task: Task) -> list[str]:
    return [f"{'direct' if task.direct else 'file'}://{path}" for path in task.paths]


def file(task: Task) -> Iterator[Any]:
    """`get_into` the same memory, block after block; with O_DIRECT as many bytes as keep a disk busy."""
    uri, block = _local(task)[0], (64 if task.direct else 8) << 20
    memory = memoryview(mmap.mmap(-1, block))
    for start in range(0, task.size, block):
        yield memory[: s3dlio.get_into(uri, memory, offset=start, length=block)]


def files(task: Task) -> Iterator[Any]:
    """A dataset, iterated."""
    yield from s3dlio.PyDataset.from_uris(_local(task))


def loader(task: Task) -> Iterator[Any]:
    """The torch datasets of `s3dlio.torch` with the default collate."""
    from torch.utils.data import DataLoader

    from s3dlio.torch import S3IterableDataset, S3MapDataset

    kind = S3MapDataset if task.style == "map" else S3IterableDataset
    dataset = kind(task.uri(task.prefix))
    yield from DataLoader(dataset, batch_size=task.batch, num_workers=task.workers)


def many_keys(task: Task) -> Iterator[Any]:
    """A dataset of everything, iterated; a pause at the first sample lets it fetch ahead as far as it may."""
    dataset = s3dlio.create_dataset(task.uri(task.prefix), memory_budget=task.memory_budget)
    for number, data in enumerate(dataset):
        if number == 0:
            time.sleep(1)
        yield data
