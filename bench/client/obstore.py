"""obstore: its synchronous calls from a pool of threads, which cost less CPU time than its async ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import obstore
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from bench.client.threads import pool
from bench.task import Task

PART = 8 << 20


@cache
def _store(task: Task) -> Any:
    options: dict[str, Any] = {"allow_http": True} | (
        {"root_certificate": Path(task.ca).read_bytes()} if task.ca else {}
    )
    return _STORES[task.scheme](task, options)


def _s3(task: Task, options: dict[str, Any]) -> Any:
    return S3Store(
        task.bucket,
        endpoint=task.endpoint,
        region=task.region,
        access_key_id=task.access_key,
        secret_access_key=task.secret_key,
        virtual_hosted_style_request=False,
        unsigned_payload=True,
        client_options=options,
    )


def _azure(task: Task, options: dict[str, Any]) -> Any:
    return AzureStore(
        task.bucket,
        account_name=task.access_key,
        account_key=task.secret_key,
        endpoint=task.endpoint,
        client_options=options,
    )


def _google(task: Task, options: dict[str, Any]) -> Any:
    config = {"gcs_base_url": task.endpoint, "disable_oauth": True, "client_email": "", "private_key": ""}
    key = json.dumps(config | {"private_key_id": ""})
    return GCSStore(task.bucket, service_account_key=key, client_options=options)


_STORES = {"s3": _s3, "az": _azure, "gs": _google}


def _get(store: Any, keys: list[str]) -> Iterator[Any]:
    yield from pool().map(lambda key: obstore.get(store, key).bytes(), keys)


def objects(task: Task) -> Iterator[Any]:
    """`get` of each."""
    return _get(_store(task.service()), task.keys)


def whole(task: Task) -> Iterator[Any]:
    """`get`: one request; it has no call for concurrent ranges into one piece of memory."""
    return _get(_store(task.service()), task.keys)


def listing(task: Task) -> int:
    """`list` as Arrow record batches, the faster of its two forms."""
    batches = obstore.list(_store(task.service()), task.prefix, chunk_size=1000, return_arrow=True)
    return sum(batch.num_rows for batch in batches)


def put(task: Task, objects: list[tuple[str, bytes]]) -> None:
    """`put` of each, unsigned payload."""
    store = _store(task.service())
    for _ in pool().map(lambda pair: obstore.put(store, pair[0], pair[1], use_multipart=False), objects):
        pass


def upload(task: Task, key: str, data: bytes) -> None:
    """`put`: a concurrent multipart upload."""
    obstore.put(_store(task.service()), key, BytesIO(data), chunk_size=PART)


def stream(task: Task, key: str, pieces: list[memoryview]) -> None:
    """`open_writer`: concurrent parts."""
    with obstore.open_writer(_store(task.service()), key, buffer_size=PART) as writer:
        for piece in pieces:
            writer.write(piece)


def files(task: Task) -> Iterator[Any]:
    """`get` of each from a LocalStore; it has no O_DIRECT."""
    return _get(LocalStore(task.folder), task.keys)
