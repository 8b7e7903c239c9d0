"""google-cloud-storage: one bucket for a pool of threads, without the checksums that it computes by default."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Bucket, Client
from requests.adapters import HTTPAdapter

from bench.client.threads import THREADS, pool
from bench.task import Task


@cache
def _bucket(task: Task) -> Bucket:
    options: Any = {"api_endpoint": task.endpoint}
    client = Client(project="bench", credentials=AnonymousCredentials(), client_options=options)
    client._http.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
    return client.bucket(task.bucket)


def objects(task: Task) -> Iterator[Any]:
    """`download_as_bytes` of each."""
    bucket = _bucket(task.service())
    yield from pool().map(lambda key: bucket.blob(key).download_as_bytes(checksum=None), task.keys)


def listing(task: Task) -> int:
    """`list_blobs`, of which only the names are asked for."""
    return sum(1 for _ in _bucket(task.service()).list_blobs(prefix=task.prefix, fields="items(name),nextPageToken"))
