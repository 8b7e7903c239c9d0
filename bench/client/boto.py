"""boto3: one client for a pool of threads, checksums only where the service asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from bench.client.threads import THREADS, pool
from bench.task import Task

PARTS = TransferConfig(multipart_chunksize=8 << 20, max_concurrency=THREADS)


@cache
def _client(task: Task) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=task.endpoint,
        region_name=task.region,
        aws_access_key_id=task.access_key,
        aws_secret_access_key=task.secret_key,
        verify=task.ca or None,
        config=Config(
            max_pool_connections=THREADS,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path", "payload_signing_enabled": False},
        ),
    )


def objects(task: Task) -> Iterator[Any]:
    """`get_object` of each."""
    client = _client(task.service())
    yield from pool().map(lambda key: client.get_object(Bucket=task.bucket, Key=key)["Body"].read(), task.keys)


def whole(task: Task) -> Iterator[Any]:
    """`download_fileobj`: concurrent ranges."""
    for key in task.keys:
        memory = BytesIO()
        _client(task.service()).download_fileobj(task.bucket, key, memory, Config=PARTS)
        yield memory.getbuffer()


def reused(task: Task, memory: memoryview) -> None:
    """`readinto` of the body."""
    body, at = _client(task.service()).get_object(Bucket=task.bucket, Key=task.keys[0])["Body"], 0
    while read := body.readinto(memory[at : task.size]):
        at += read
    if at != task.size:
        raise OSError(f"{at} bytes instead of {task.size}")


def listing(task: Task) -> int:
    """The paginator."""
    pages = _client(task.service()).get_paginator("list_objects_v2").paginate(Bucket=task.bucket, Prefix=task.prefix)
    return sum(len(page.get("Contents", [])) for page in pages)


def put(task: Task, objects: list[tuple[str, bytes]]) -> None:
    """`put_object` of each."""
    client = _client(task.service())
    for _ in pool().map(lambda pair: client.put_object(Bucket=task.bucket, Key=pair[0], Body=pair[1]), objects):
        pass


def upload(task: Task, key: str, data: bytes) -> None:
    """`upload_fileobj`: concurrent parts."""
    _client(task.service()).upload_fileobj(BytesIO(data), task.bucket, key, Config=PARTS)
