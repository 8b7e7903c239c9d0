"""google-cloud-storage: one bucket for a pool of threads, without the checksums that it computes by default."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BytesIO
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Bucket, Client
from requests.adapters import HTTPAdapter

from bench.task import Task

THREADS = 16
PART = 8 << 20


@cache
def _bucket(task: Task) -> Bucket:
    options: Any = {"api_endpoint": task.endpoint}
    client = Client(project="bench", credentials=AnonymousCredentials(), client_options=options)
    client._http.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
    return client.bucket(task.bucket)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS)


def objects(task: Task) -> Iterator[Any]:
    """`download_as_bytes` of each."""
    bucket = _bucket(task.service())
    yield from _pool().map(lambda key: bucket.blob(key).download_as_bytes(checksum=None), task.keys)


def listing(task: Task) -> int:
    """`list_blobs`, of which only the names are asked for."""
    return sum(1 for _ in _bucket(task.service()).list_blobs(prefix=task.prefix, fields="items(name),nextPageToken"))


def put(task: Task, objects: list[tuple[str, bytes]]) -> None:
    """`upload_from_string` of each."""
    bucket = _bucket(task.service())
    for _ in _pool().map(lambda pair: bucket.blob(pair[0]).upload_from_string(pair[1], checksum=None), objects):
        pass


def upload(task: Task, key: str, data: bytes) -> None:
    """`upload_from_file`: a resumable upload in chunks."""
    _bucket(task.service()).blob(key, chunk_size=PART).upload_from_file(BytesIO(data), size=len(data), checksum=None)
