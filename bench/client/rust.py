"""The Rust s3dlio from PyPI, which has the import name of this library."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from typing import Any

from bench.task import Task

s3dlio: Any = importlib.import_module("s3dlio")
BLOCK = 4 << 20
PART = 8 << 20


def objects(task: Task) -> Iterator[Any]:
    """`get_many`."""
    for _, data in s3dlio.get_many(task.uris, 64):
        yield data


def _into(uri: str, size: int, memory: Any) -> None:
    async def read() -> None:
        await s3dlio.get_into_async(uri, memory, expected_len=size)

    asyncio.run(read())


def whole(task: Task) -> Iterator[Any]:
    """`get_into_async` a new bytearray, which costs less than its `get`."""
    for uri in task.uris:
        memory = bytearray(task.size)
        _into(uri, task.size, memory)
        yield memory


def reused(task: Task, memory: memoryview) -> None:
    """`get_into_async`."""
    _into(task.uris[0], task.size, memory)


def listing(task: Task) -> int:
    """`list`: a list of URIs."""
    return len(s3dlio.list(f"s3://{task.bucket}/{task.prefix}", recursive=True))


def put(task: Task, objects: list[tuple[str, bytes]]) -> None:
    """`put_many`."""
    s3dlio.put_many([(f"s3://{task.bucket}/{key}", data) for key, data in objects], 64)


def upload(task: Task, key: str, data: bytes) -> None:
    """`put_bytes`, without a copy."""
    s3dlio.put_bytes(f"s3://{task.bucket}/{key}", data)


def stream(task: Task, key: str, pieces: list[memoryview]) -> None:
    """`MultipartUploadWriter`, which copies each piece once."""
    writer = s3dlio.MultipartUploadWriter.from_uri(f"s3://{task.bucket}/{key}", part_size=PART)
    for piece in pieces:
        writer.write(piece)
    writer.close()


def _local(task: Task) -> list[str]:
    return [f"{'direct' if task.direct else 'file'}://{path}" for path in task.paths]


def file(task: Task) -> Iterator[Any]:
    """`get_range` of block after block."""
    uri = _local(task)[0]
    for start in range(0, task.size, BLOCK):
        yield s3dlio.get_range(uri, start, min(BLOCK, task.size - start))


def files(task: Task) -> Iterator[Any]:
    """`get_many`."""
    for _, data in s3dlio.get_many(_local(task), 64):
        yield data


def loader(task: Task) -> Iterator[Any]:
    """Its torch datasets with the default collate."""
    from torch.utils.data import DataLoader

    torch_side = importlib.import_module("s3dlio.torch")
    kind = torch_side.S3MapDataset if task.style == "map" else torch_side.S3IterableDataset
    dataset = kind.from_prefix(f"s3://{task.bucket}/{task.prefix}", return_type="tensor")
    yield from DataLoader(dataset, batch_size=task.batch, num_workers=task.workers)
