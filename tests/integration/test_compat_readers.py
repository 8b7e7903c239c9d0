"""Readers of the drop-in on stores of every kind: what they return, what they ask a server for, how they fail."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from s3dlio.compat.s3torchconnector._s3client import S3Client, S3ClientConfig
from s3dlio.compat.s3torchconnector._s3dataset_common import get_objects_from_prefix
from s3dlio.compat.s3torchconnector.s3reader import DCPOptimizedConstructor, ItemRange, S3Reader
from s3dlio.compat.s3torchconnectorclient._mountpoint_s3_client import S3Exception
from s3dlio.compat.s3torchconnectorclient._uris import parse_s3_uri
from s3dlio.errors import ChangedError, S3DlioError
from tests.support.audit import AuditLog, Request
from tests.support.faults import FaultProxy
from tests.support.readers import KINDS, REGION, content, walk
from tests.support.samples import Folder, Store
from tests.support.servers import Bucket, S3Server

Proxies = Callable[[S3Server], FaultProxy]
PART = 5 << 20
CONFIG = S3ClientConfig(part_size=PART, max_attempts=3)


def reader_of(uri: str, kind: str = "sequential", endpoint: str | None = None) -> S3Reader:
    """A reader of an object, with a client of its own."""
    client = S3Client(REGION, endpoint=endpoint, s3client_config=CONFIG)
    return client.get_object(*parse_s3_uri(uri), reader_constructor=KINDS[kind])


def items_of(uri: str, *items: tuple[int, int], endpoint: str | None = None) -> S3Reader:
    """A reader of items of an object, all in one group."""
    constructor = DCPOptimizedConstructor(float("inf"))
    constructor._item_ranges_by_file = {uri: [ItemRange(*item) for item in items]}
    client = S3Client(REGION, endpoint=endpoint, s3client_config=CONFIG)
    return client.get_object(*parse_s3_uri(uri), reader_constructor=constructor)


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART])
def test_a_reader_is_a_file(place: Store, size: int) -> None:
    data = content(size)
    uri = place.put("a key/ä.bin", data)
    for seed, kind in enumerate(KINDS):
        walk(reader_of(uri, kind), data, 15, seed)


def test_items(place: Store) -> None:
    data = content(3 * PART)
    uri = place.put("__0_0.distcp", data)
    items = [(1, 100), (100, 200), (5000, 5001), (PART, 2 * PART + 100), (3 * PART - 10, 3 * PART)]
    reader = items_of(uri, *items)
    for start, end in items:
        reader.seek(start)
        assert reader.read(min(4, end - start)) == data[start : min(end, start + 4)]
        reader.seek(start)
        memory = bytearray(end - start)
        assert reader.readinto(memory) == end - start
        assert memory == data[start:end]


def gets(audit_log: AuditLog, bucket: Bucket) -> list[tuple[int, int] | None]:
    """The ranges that the server was asked for, in ascending order."""
    found = audit_log.requests(bucket, "GetObject", "HeadObject")
    assert [each.operation for each in found] == ["GetObject"] * len(found)
    return sorted((each.byte_range for each in found), key=lambda pair: pair or (0, 0))


def test_a_small_object_is_one_get(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    for i in range(3):
        audited_bucket.put(f"key-{i}", content(1000))
    readers = [reader_of(audited_bucket.uri(f"key-{i}")) for i in range(3)]
    assert audit_log.requests(audited_bucket, "GetObject", "HeadObject") == []
    readers[0].read()
    readers[1].read(10)
    readers[1].read()
    readers[2].readinto(bytearray(2000))
    for reader in readers:
        reader.seek(0)
        assert reader.read() == content(1000)
    assert len(gets(audit_log, audited_bucket)) == 3


@pytest.mark.parametrize("kind", ["sequential", "ranged"])
def test_what_was_listed_is_not_asked_for(audited_bucket: Bucket, audit_log: AuditLog, kind: str) -> None:
    audited_bucket.put("key", content(1000))
    client = S3Client(REGION, s3client_config=CONFIG)
    (entry,) = get_objects_from_prefix(audited_bucket.uri(), client)
    reader = client.get_object(*entry[:2], object_info=entry.object_info, reader_constructor=KINDS[kind])
    assert reader.seek(-10, 2) == 990
    assert reader.read() == content(1000)[990:]
    assert len(gets(audit_log, audited_bucket)) == 1


def test_a_large_object_read_piece_by_piece_is_fetched_once(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    data = content(3 * PART + 7)
    reader = reader_of(audited_bucket.put("key", data))
    assert b"".join(iter(lambda: reader.read(1 << 20), b"")) == data
    assert gets(audit_log, audited_bucket) == [(i * PART, min((i + 1) * PART, len(data)) - 1) for i in range(4)]


def test_ranges_are_fetched_and_nothing_else(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    data = content(3 * PART)
    reader = reader_of(audited_bucket.put("key", data), "ranged, no buffer")
    for start, end in ((5, 10), (PART, PART + 3)):
        reader.seek(start)
        assert reader.read(end - start) == data[start:end]
    found = audit_log.requests(audited_bucket, "GetObject")
    assert [each.byte_range for each in found] == [(5, 9), (PART, PART + 2)]
    assert len(audit_log.requests(audited_bucket, "HeadObject")) == 1


def test_what_lies_between_items_is_not_fetched(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    data = content(4 * PART)
    uri = audited_bucket.put("__0_0.distcp", data)
    items = [(0, 1000), (1000, 3000), (3100, 4000), (PART, 3 * PART), (4 * PART - 10, 4 * PART)]
    reader = items_of(uri, *items)
    for start, end in items:
        reader.seek(start)
        assert reader.read(end - start) == data[start:end]
    assert gets(audit_log, audited_bucket) == [
        (0, 3999),  # near each other
        (PART, 2 * PART - 1),  # longer than a part
        (2 * PART, 3 * PART - 1),
        (4 * PART - 10, 4 * PART - 1),
    ]


def test_items_to_come_are_fetched_meanwhile(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    items = [(i << 20, (i + 1 << 20) - 100_000) for i in range(8)]
    reader = items_of(audited_bucket.put("__0_0.distcp", content(8 << 20)), *items)
    reader.read(1)
    found: list[Request] = []
    while len(found) < len(items):  # without reading further
        found = audit_log.requests(audited_bucket, "GetObject")
    assert sorted(each.byte_range or (0, 0) for each in found) == [(start, end - 1) for start, end in items]


def read_whole(reader: S3Reader, size: int) -> bytes:
    """What a reader has from its beginning."""
    reader.seek(0)
    return reader.read(size)


READERS: dict[str, Callable[..., S3Reader]] = {
    **{kind: lambda uri, endpoint=None, kind=kind: reader_of(uri, kind, endpoint) for kind in KINDS},
    "items": lambda uri, endpoint=None: items_of(uri, (0, 2 * PART), endpoint=endpoint),
}


@pytest.mark.parametrize("kind", READERS)
def test_a_body_cut_short_is_resumed(minio_bucket: Bucket, fault_proxy: Proxies, kind: str) -> None:
    data = content(2 * PART)
    proxy = fault_proxy(minio_bucket.server)
    proxy.add("limit_data", bytes=2 << 20)  # every connection ends after 2 MiB
    reader = READERS[kind](minio_bucket.put("cut", data), proxy.endpoint)
    assert read_whole(reader, len(data)) == data


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("fault", ["limit_data", "reset_peer"])
def test_what_fails_is_told_and_can_be_read_later(
    minio_bucket: Bucket, fault_proxy: Proxies, kind: str, fault: str
) -> None:
    data = content(2 * PART)
    uri = minio_bucket.put("cut", data)
    proxy = fault_proxy(minio_bucket.server)
    reader = READERS[kind](uri, proxy.endpoint)
    start = 0 if kind == "items" else 3
    if start:
        assert reader.read(3) == data[:3]
    name = proxy.add(fault, bytes=100) if fault == "limit_data" else proxy.add(fault, timeout=0)
    with pytest.raises(S3Exception) as caught:
        reader.read(2 * PART - start)
    assert isinstance(caught.value.__cause__, S3DlioError)
    assert uri in str(caught.value.__cause__)
    assert reader.tell() == start
    proxy.remove(name)
    assert reader.read(2 * PART - start) == data[start:]


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_that_changes_meanwhile(place: Store, kind: str) -> None:
    old = content(9 << 20, 1)
    reader = reader_of(place.put("key", old), kind)
    assert reader.read(10) == old[:10]
    place.put("key", content(9 << 20, 2))
    with pytest.raises(S3Exception, match="changed") as caught:
        reader.read()
    assert isinstance(caught.value.__cause__, ChangedError)


def rest_of(reader: S3Reader) -> tuple[int, bytes]:
    """In another process: where the reader is, and what comes."""
    return reader.tell(), reader.read()


def test_readers_go_to_spawned_processes(minio_bucket: Bucket, tmp_path: Path) -> None:
    data = content(PART + 3)
    readers = []
    for place in (minio_bucket, Folder(tmp_path)):
        uri = place.put("key", data)
        for kind in KINDS:
            readers += [reader_of(uri, kind), reader_of(uri, kind)]
            readers[-1].read(7)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(rest_of, readers) == [(0, data), (7, data[7:])] * 2 * len(KINDS)
    assert all(rest_of(pickle.loads(pickle.dumps(each))) == rest_of(each) for each in readers)


def test_the_errors_of_a_missing_object(place: Store) -> None:
    texts: dict[str, Any] = {"sequential": "Service error: The key does not exist"}
    for kind in KINDS:
        with pytest.raises(S3Exception) as caught:
            reader_of(place.uri("missing"), kind).read()
        assert str(caught.value) == texts.get(kind, "Service error: The object was not found")
