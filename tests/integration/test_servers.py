"""The servers and helpers that the other tests stand on do what they say."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.audit import AuditLog, most_at_once
from tests.support.faults import FaultProxy
from tests.support.servers import Bucket, S3Server

AddProxy = Callable[[S3Server], FaultProxy]


def test_object_comes_back_and_is_listed(bucket: Bucket) -> None:
    assert bucket.put("a/b c", b"hello") == f"s3://{bucket.name}/a/b c"
    assert bucket.get("a/b c") == b"hello"
    assert bucket.keys() == ["a/b c"]
    assert bucket.keys("z") == []


def test_environment_names_the_server_and_nothing_of_the_machine(bucket: Bucket) -> None:
    assert os.environ["AWS_ENDPOINT_URL"] == bucket.server.endpoint
    assert "AWS_CA_BUNDLE" not in os.environ
    assert not [name for name in os.environ if name.upper().endswith("_PROXY")]


def test_wrong_secret_is_refused(bucket: Bucket) -> None:
    bucket.put("key", b"x")
    stranger = Bucket(replace(bucket.server, secret_key="wrong-secret-key"), bucket.name)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stranger.get("key")


def test_unfinished_uploads_are_seen(bucket: Bucket) -> None:
    bucket.server.client.create_multipart_upload(Bucket=bucket.name, Key="half")
    assert bucket.uploads() == ["half"]


def test_fault_proxy_forwards_breaks_and_recovers(bucket: Bucket, fault_proxy: AddProxy) -> None:
    bucket.put("key", bytes(100_000))
    proxy = fault_proxy(bucket.server)
    through = Bucket(replace(bucket.server, endpoint=proxy.endpoint), bucket.name)
    assert len(through.get("key")) == 100_000
    toxic = proxy.add("limit_data", bytes=50_000)
    with pytest.raises(BotoCoreError):
        through.get("key")
    proxy.remove(toxic)
    assert len(through.get("key")) == 100_000
    proxy.disable()
    with pytest.raises(BotoCoreError):
        through.get("key")
    proxy.enable()
    assert len(through.get("key")) == 100_000


def test_latency_delays_answers(minio_bucket: Bucket, fault_proxy: AddProxy) -> None:
    proxy = fault_proxy(minio_bucket.server)
    proxy.add("latency", latency=300)
    through = Bucket(replace(minio_bucket.server, endpoint=proxy.endpoint), minio_bucket.name)
    began = time.monotonic()
    through.put("key", b"x")
    assert time.monotonic() - began > 0.3


def test_audit_log_tells_ranges_heads_and_order(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    bucket, client = audited_bucket, audited_bucket.server.client
    before = time.time()
    bucket.put("päth/a b", bytes(1000))
    client.get_object(Bucket=bucket.name, Key="päth/a b", Range="bytes=10-19")
    client.head_object(Bucket=bucket.name, Key="päth/a b")
    put, ranged, head = audit_log.requests(bucket, "PutObject", "GetObject", "HeadObject")
    assert [put.operation, ranged.operation, head.operation] == ["PutObject", "GetObject", "HeadObject"]
    assert {put.key, ranged.key, head.key} == {"päth/a b"}
    assert (put.byte_range, ranged.byte_range) == (None, (10, 19))
    assert (ranged.status, ranged.sent) == (206, 10)
    assert before <= put.start <= put.end <= head.end <= time.time()
    assert audit_log.requests(bucket, "DeleteObject") == []


def test_audit_log_shows_requests_that_overlap(
    audited_bucket: Bucket, audit_log: AuditLog, fault_proxy: AddProxy
) -> None:
    """Two downloads, one after the other, do not overlap; three at once through a slow proxy do."""
    bucket = audited_bucket
    bucket.put("key", bytes(16 << 20))
    proxy = fault_proxy(bucket.server)
    through = Bucket(replace(bucket.server, endpoint=proxy.endpoint), bucket.name)
    through.get("key")
    through.get("key")
    assert most_at_once(audit_log.requests(bucket, "GetObject")) == 1
    proxy.add("bandwidth", rate=8_000)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(through.get, ["key"] * 3))
    assert most_at_once(audit_log.requests(bucket, "GetObject")) == 3
