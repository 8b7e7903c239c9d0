"""Every option does something: each test here fails where its option is ignored.

Reads of S3 are judged by what the server saw of them, which is its audit log.
"""

from __future__ import annotations

import asyncio
import importlib
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import s3dlio
from s3dlio import PyBytesAsyncDataLoader, create_async_loader, create_dataset
from s3dlio._native import Client, Op, Stream, memory_stats
from s3dlio.listing import Listing
from s3dlio.options import Options, table
from tests.support.audit import AuditLog, Request, most_at_once
from tests.support.faults import FaultProxy
from tests.support.samples import Folder, fill, number_of
from tests.support.servers import Bucket, S3Server

MIB = 1 << 20
DEADLINE = 30.0  # seconds; what an ignored option would take is longer

IN_TEST_LOADER = {
    "test_options_choose_samples_and_batches": {
        "batch_size", "drop_last", "pattern", "shard_rank", "shard_world_size", "worker_id", "num_workers_pytorch",
    },
    "test_shuffle_is_seeded_and_differs_by_epoch": {"shuffle", "seed"},
    "test_recursive_false_leaves_out_what_lies_deeper": {"recursive"},
}  # fmt: skip


def test_every_option_has_its_test() -> None:
    loader_tests = vars(importlib.import_module("tests.contract.test_loader"))
    assert set(IN_TEST_LOADER) <= set(loader_tests)
    here = {name.removeprefix("test_") for name in globals()} & set(table())
    assert here | set().union(*IN_TEST_LOADER.values()) == set(table())


def settled(log: AuditLog, bucket: Bucket) -> int:
    """How many objects have been read, once no more come."""
    counts: list[int] = []
    while len(counts) < 4 or len(set(counts[-4:])) > 1:
        time.sleep(0.1)
        counts.append(len(log.requests(bucket, "GetObject")))
    return counts[-1]


def beginnings(requests: list[Request]) -> list[Request]:
    """The first tenth of each request: a busy server may write its log long after the client has gone on."""
    return [replace(request, duration=request.duration / 10) for request in requests]


def by_object(requests: list[Request]) -> list[Request]:
    """One request for each object, as long as all of its own together."""
    found = []
    for key in {request.key for request in requests}:
        own = [request for request in requests if request.key == key]
        start = min(request.start for request in own)
        found.append(replace(own[0], start=start, duration=max(request.start for request in own) - start))
    return found


def read_all(uri: str, **options: Any) -> list[s3dlio.BytesView]:
    return list(create_dataset(uri, options))


def read_within_deadline(uri: str, **options: Any) -> list[Any]:
    """Reads in a loader, and fails where that takes long."""

    async def work() -> list[Any]:
        return [step async for step in create_async_loader(uri, options)]

    return asyncio.run(asyncio.wait_for(work(), DEADLINE))


# How samples are handed out


def test_order(folder: Folder) -> None:
    folder.put("a", bytes(64 * MIB))
    for i in range(6):
        folder.put(f"b{i}", b"x")
    sizes = [len(view) for view in read_all(folder.uri())]
    assert sizes == [64 * MIB] + [1] * 6
    sizes = [len(view) for view in read_all(folder.uri(), order="completion")]
    assert sorted(sizes) == [1] * 6 + [64 * MIB]
    assert sizes[0] == 1


@pytest.mark.parametrize(
    ("options", "fewest", "most"),
    [({"prefetch": 1}, 2, 2), ({"prefetch": 3}, 3, 4), ({"prefetch": 2, "batch_size": 2}, 6, 6), ({}, 16, 16)],
)
def test_prefetch(audited_bucket: Bucket, audit_log: AuditLog, options: dict[str, Any], fewest: int, most: int) -> None:
    fill(audited_bucket, 16)
    steps = iter(create_async_loader(audited_bucket.uri("train/"), options))
    next(steps)
    assert fewest <= settled(audit_log, audited_bucket) <= most


@pytest.mark.parametrize(("options", "fewest", "most"), [({"memory_budget": 4 * MIB}, 2, 5), ({}, 16, 16)])
def test_memory_budget(
    audited_bucket: Bucket, audit_log: AuditLog, options: dict[str, Any], fewest: int, most: int
) -> None:
    for i in range(16):
        audited_bucket.put(f"{i:02}", bytes(MIB))
    steps = iter(create_async_loader(audited_bucket.uri(), options))
    next(steps)
    assert fewest <= settled(audit_log, audited_bucket) <= most


def test_an_object_larger_than_the_memory_budget_loads(audited_bucket: Bucket) -> None:
    audited_bucket.put("a", bytes(3 * MIB))
    assert [len(view) for view in read_all(audited_bucket.uri(), memory_budget=MIB, part_size=MIB)] == [3 * MIB]


def test_a_pass_itself_holds_little(folder: Folder) -> None:
    """What it has taken from its stream no longer counts as fetched ahead, so it must not be much."""
    for i in range(40):
        folder.put(f"{i:02}", bytes(MIB))
    steps = iter(create_dataset(folder.uri(), memory_budget=8 * MIB))
    for _ in range(4):
        view = next(steps)
        in_use = [0, 1]
        while in_use[-1] != in_use[-2]:
            time.sleep(0.05)
            in_use.append(memory_stats()["buffers"]["in_use"])
        assert in_use[-1] <= (8 + 1 + 2) * MIB  # the budget, an eighth of it, and what the consumer has
    assert len(view) == MIB


# How samples are fetched


@pytest.fixture
def large_objects(audited_bucket: Bucket) -> Bucket:
    """Four objects of 4 MiB."""
    for i in range(4):
        audited_bucket.put(f"{i}", bytes([i]) * (4 * MIB))
    return audited_bucket


def test_part_size(large_objects: Bucket, audit_log: AuditLog) -> None:
    read_all(large_objects.uri("0"), part_size=MIB)
    ranges = sorted(request.byte_range or (0, 0) for request in audit_log.requests(large_objects, "GetObject"))
    assert ranges == [(i * MIB, (i + 1) * MIB - 1) for i in range(4)]
    read_all(large_objects.uri("1"), part_size=3 * MIB)
    ranges = sorted(r.byte_range or (0, 0) for r in audit_log.requests(large_objects, "GetObject") if r.key == "1")
    assert ranges == [(0, 3 * MIB - 1), (3 * MIB, 4 * MIB - 1)]


def test_reader_mode(large_objects: Bucket, audit_log: AuditLog) -> None:
    views = read_all(large_objects.uri(), part_size=MIB, reader_mode="sequential")
    assert [view[-1] for view in views] == [0, 1, 2, 3]
    requests = audit_log.requests(large_objects, "GetObject")
    assert sorted(request.key for request in requests) == ["0", "1", "2", "3"]
    assert {request.sent for request in requests} == {4 * MIB}


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (3, 3), (None, 16)])
def test_max_concurrent(large_objects: Bucket, audit_log: AuditLog, limit: int | None, most: int) -> None:
    read_all(large_objects.uri(), part_size=MIB, max_concurrent=limit)
    requests = audit_log.requests(large_objects, "GetObject")
    assert len(requests) == 16
    assert most_at_once(beginnings(requests)) <= most
    assert most_at_once(requests) > 1 or limit == 1


@pytest.mark.parametrize("limit", [1, 0])
def test_max_inflight_parts(large_objects: Bucket, audit_log: AuditLog, limit: int) -> None:
    read_all(large_objects.uri("2"), part_size=MIB // 2, max_inflight_parts=limit)
    requests = audit_log.requests(large_objects, "GetObject")
    assert len(requests) == 8
    if limit:
        assert most_at_once(beginnings(requests)) == 1
    else:
        assert most_at_once(requests) > 1


@pytest.mark.parametrize("limit", [1, 0])
def test_num_workers(large_objects: Bucket, audit_log: AuditLog, limit: int) -> None:
    read_all(large_objects.uri(), part_size=MIB, num_workers=limit)
    requests = audit_log.requests(large_objects, "GetObject")
    assert len(requests) == 16
    assert (most_at_once(by_object(requests)) == 1) == (limit == 1)


@pytest.mark.parametrize("skip", [True, False])
def test_skip_head(audited_bucket: Bucket, audit_log: AuditLog, skip: bool) -> None:
    uris = fill(audited_bucket, 3)
    items = PyBytesAsyncDataLoader(s3dlio.PyDataset.from_uris(uris), {"skip_head": skip}).items()
    assert [number_of(item.data) for item in items] == [0, 1, 2]
    assert audit_log.requests(audited_bucket, "HeadObject") == []


def test_fetching_begins_before_the_listing_ends(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    s3dlio.put_many([(audited_bucket.uri(f"{i:04}"), b"x") for i in range(2001)])
    steps = iter(create_async_loader(audited_bucket.uri()))
    next(steps)
    settled(audit_log, audited_bucket)
    listings = audit_log.requests(audited_bucket, "ListObjectsV2")
    assert len(listings) == 3
    assert min(r.start for r in audit_log.requests(audited_bucket, "GetObject")) < max(r.end for r in listings)


# Whom samples are fetched from


@pytest.fixture
def no_endpoint(monkeypatch: pytest.MonkeyPatch, minio_bucket: Bucket) -> Bucket:
    """Three samples in a bucket on a server that the environment does not name; it has the credentials."""
    fill(minio_bucket, 3)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    return minio_bucket


def test_endpoint_url(no_endpoint: Bucket, minio: S3Server) -> None:
    assert len(read_all(no_endpoint.uri("train/"), endpoint_url=minio.endpoint)) == 3


def attempts_by_endpoint(**options: Any) -> dict[str, int]:
    stats = Client.get(Options.parse(options).client_config()).stats()
    return {endpoint["endpoint"]: endpoint["attempts"] for endpoint in stats["s3"]["endpoints"]}


def test_endpoints(no_endpoint: Bucket, minio: S3Server, fault_proxy: Callable[[S3Server], FaultProxy]) -> None:
    endpoints = [minio.endpoint, fault_proxy(minio).endpoint]
    for _ in range(4):
        assert len(read_all(no_endpoint.uri("train/"), endpoints=endpoints)) == 3
    counts = attempts_by_endpoint(endpoints=endpoints)
    assert list(counts) == endpoints
    assert min(counts.values()) > 0


@pytest.mark.parametrize("strategy", ["round_robin", "least_busy"])
def test_strategy(
    no_endpoint: Bucket, minio: S3Server, fault_proxy: Callable[[S3Server], FaultProxy], strategy: str
) -> None:
    """One of two endpoints answers slowly: only one strategy spares it."""
    slow = fault_proxy(minio)
    slow.add("latency", latency=300)
    options = {"endpoints": [minio.endpoint, slow.endpoint], "strategy": strategy}
    dataset = s3dlio.PyDataset.from_uris([no_endpoint.uri("train/0001.bin")] * 24, options, max_concurrent=2)
    assert len(list(dataset)) == 24
    counts = attempts_by_endpoint(**options)
    assert (counts[slow.endpoint] > 8) == (strategy == "round_robin")


def test_region(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    fill(audited_bucket, 1)
    read_all(audited_bucket.uri("train/"), region="eu-central-7")
    signatures = [r.headers["Authorization"] for r in audit_log.requests(audited_bucket, "ListObjectsV2", "GetObject")]
    assert len(signatures) == 2
    assert all("/eu-central-7/" in signature for signature in signatures)


def test_profile(minio_bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(minio_bucket, 2)
    server = minio_bucket.server
    file = tmp_path / "credentials"
    file.write_text(
        "[default]\naws_access_key_id = nobody\naws_secret_access_key = nothing\n"
        f"[other]\naws_access_key_id = {server.access_key}\naws_secret_access_key = {server.secret_key}\n"
    )
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    assert len(read_all(minio_bucket.uri("train/"), profile="other")) == 2
    with pytest.raises(s3dlio.PermissionDeniedError):
        read_all(minio_bucket.uri("train/"))


PUBLIC = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*"]},
 "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": ["arn:aws:s3:::NAME", "arn:aws:s3:::NAME/*"]}]}"""


def test_anonymous(minio_bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(minio_bucket, 2)
    minio_bucket.server.client.put_bucket_policy(
        Bucket=minio_bucket.name, Policy=PUBLIC.replace("NAME", minio_bucket.name)
    )
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert len(read_all(minio_bucket.uri("train/"), anonymous=True)) == 2
    with pytest.raises(s3dlio.PermissionDeniedError):
        read_all(minio_bucket.uri("train/"))


def test_force_path_style(minio_bucket: Bucket) -> None:
    """The server knows no host names with buckets in front, and the name may not even resolve."""
    fill(minio_bucket, 1)
    named = minio_bucket.server.endpoint.replace("127.0.0.1", "localhost")
    assert len(read_all(minio_bucket.uri("train/"), endpoint_url=named, force_path_style=True)) == 1
    with pytest.raises(s3dlio.S3DlioError):
        read_all(minio_bucket.uri("train/"), endpoint_url=named, force_path_style=False, max_attempts=1)


def test_ca_bundle(minio_bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "authorities.pem"
    file.write_text("no certificate")
    with pytest.raises(s3dlio.S3DlioError, match=re.escape(str(file))):
        read_all(minio_bucket.uri("train/"), ca_bundle=str(file))


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port on which connections are never accepted: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for client in waiting:
            client.close()


def test_connect_timeout(minio_bucket: Bucket, deaf_port: int) -> None:
    """What an endpoint that never answered is given allows one attempt of 5 seconds, or many short ones."""
    with pytest.raises(s3dlio.S3DlioError) as caught:
        read_within_deadline(
            minio_bucket.uri("train/"), endpoint_url=f"http://127.0.0.1:{deaf_port}", connect_timeout=0.05
        )
    assert caught.value.attempts > 2


def test_request_timeout(minio_bucket: Bucket, minio: S3Server, fault_proxy: Callable[[S3Server], FaultProxy]) -> None:
    proxy = fault_proxy(minio)
    proxy.add("timeout", timeout=0)
    with pytest.raises(s3dlio.TimedOutError):
        read_within_deadline(
            minio_bucket.uri("train/"), endpoint_url=proxy.endpoint, request_timeout=0.3, max_attempts=2
        )


def test_retry_timeout(minio_bucket: Bucket, minio: S3Server, fault_proxy: Callable[[S3Server], FaultProxy]) -> None:
    fill(minio_bucket, 2)
    proxy = fault_proxy(minio)
    options = {"endpoint_url": proxy.endpoint, "retry_timeout": 0.5}
    assert len(read_within_deadline(minio_bucket.uri("train/"), **options)) == 2
    proxy.disable()
    with pytest.raises(s3dlio.ConnectionFailedError):
        read_within_deadline(minio_bucket.uri("train/"), **options)


@pytest.mark.parametrize("attempts", [1, 3])
def test_max_attempts(
    minio_bucket: Bucket, minio: S3Server, fault_proxy: Callable[[S3Server], FaultProxy], attempts: int
) -> None:
    proxy = fault_proxy(minio)
    proxy.add("reset_peer", timeout=0)
    with pytest.raises(s3dlio.ConnectionFailedError) as caught:
        read_within_deadline(minio_bucket.uri("train/"), endpoint_url=proxy.endpoint, max_attempts=attempts)
    assert caught.value.attempts == attempts


def test_direct_fallback() -> None:
    """No kernel offers O_DIRECT for /sys."""
    file = Path("/sys/kernel/notes")
    with pytest.raises(s3dlio.UnsupportedError, match="direct_fallback"):
        read_all(f"direct://{file}")
    assert [bytes(view) for view in read_all(f"direct://{file}", direct_fallback=True)] == [file.read_bytes()]


@pytest.mark.parametrize(("threshold", "operation"), [(MIB, "NewMultipartUpload"), (32 * MIB, "PutObject")])
def test_multipart_threshold(audited_bucket: Bucket, audit_log: AuditLog, threshold: int, operation: str) -> None:
    client = Client.get(Options.parse(multipart_threshold=threshold).client_config())
    with Stream(client, Op.PUT, Listing.from_uris([audited_bucket.uri("a")]), memory=[bytes(8 * MIB)]) as stream:
        (item,) = stream.take()
    assert item.error is None
    assert {"NewMultipartUpload", "PutObject"} & {r.operation for r in audit_log.requests(audited_bucket)} == {
        operation
    }


def test_restore_status(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    for options in ({}, {"restore_status": True}):
        assert s3dlio.list(audited_bucket.uri(), **options) == []  # type: ignore[arg-type]
    first, second = [r.headers for r in audit_log.requests(audited_bucket, "ListObjectsV2")]
    assert first.get("X-Amz-Optional-Object-Attributes") is None
    assert second["X-Amz-Optional-Object-Attributes"] == "RestoreStatus"


def test_user_agent(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    """Every kind of request has it, those of parts too."""
    options: Any = {"user_agent": "trainer/2.1 (a; b)", "multipart_threshold": MIB}
    big, small = audited_bucket.uri("big"), audited_bucket.uri("small")
    s3dlio.put_many([(big, bytes(6 * MIB)), (small, b"x")], **options)
    assert s3dlio.list(audited_bucket.uri(), **options) == [big, small]
    assert s3dlio.stat(small, **options)["size"] == 1
    assert len(s3dlio.get(big, **options)) == 6 * MIB
    s3dlio.delete(small, **options)
    seen = audit_log.requests(audited_bucket)
    assert {r.operation for r in seen} >= {
        "PutObject", "NewMultipartUpload", "PutObjectPart", "CompleteMultipartUpload",
        "ListObjectsV2", "HeadObject", "GetObject", "DeleteObject",
    }  # fmt: skip
    ours = {r.headers["User-Agent"] for r in seen if "Boto" not in r.headers["User-Agent"]}
    assert ours == {"trainer/2.1 (a; b) s3dlio"}
    for bad in ("a\r\nx-evil: 1", "café", "\x7f"):
        with pytest.raises(s3dlio.InvalidError, match="user_agent"):
            s3dlio.get(small, user_agent=bad)
