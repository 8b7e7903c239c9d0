"""azure-storage-blob: one container client for a pool of threads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from azure.storage.blob import ContainerClient

from bench.client.threads import pool
from bench.task import Task

PART = 8 << 20


@cache
def _container(task: Task) -> ContainerClient:
    return ContainerClient.from_connection_string(
        task.connection_string, task.bucket, max_single_get_size=PART, max_chunk_get_size=PART
    )


def objects(task: Task) -> Iterator[Any]:
    """`download_blob` of each; what is longer than 8 MiB in two ranges at a time."""
    container = _container(task.service())
    yield from pool().map(lambda key: container.download_blob(key, max_concurrency=2).readall(), task.keys)


def listing(task: Task) -> int:
    """`list_blob_names`."""
    return sum(1 for _ in _container(task.service()).list_blob_names(name_starts_with=task.prefix))
