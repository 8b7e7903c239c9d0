"""Copies inside one store: its server makes them, and no byte comes to the client."""

from __future__ import annotations

from pathlib import Path

import pytest

import s3dlio
from s3dlio._copies import copy_objects
from s3dlio._native import Client
from s3dlio.errors import NotFoundError
from s3dlio.listing import Listing
from s3dlio.options import Options
from tests.support.audit import AuditLog
from tests.support.samples import Store
from tests.support.servers import Bucket

MIB = 1 << 20
KEYS = ("[+re.name]!@£$%^&*_(src)", "a b+c%20d/é?x=1", "plain")


def copy(sources: list[str], targets: list[str], client: Client) -> list[int]:
    return copy_objects(client, Listing.from_uris(sources), targets, Options(), max_in_flight=4)


def test_no_byte_comes_to_the_client(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    other = audited_bucket.server.new_bucket()
    data = {key: bytes([i]) * (i * 9 * MIB) for i, key in enumerate(KEYS)}
    sources = [audited_bucket.put(key, data[key]) for key in KEYS]
    puts = len(audit_log.requests(audited_bucket, "PutObject"))
    client = Client.get({"user_agent": "copies"})
    for place in (audited_bucket, other):
        targets = [place.uri(f"copies/{key}") for key in KEYS]
        assert copy(sources, targets, client) == [len(data[key]) for key in KEYS]
    stats = client.stats()["s3"]
    assert (stats["bytes_read"], stats["bytes_written"], stats["failures"]) == (0, 0, 0)
    assert [r.operation for r in audit_log.requests(audited_bucket, "GetObject", "PutObjectPart")] == []
    assert len(audit_log.requests(audited_bucket, "PutObject")) == puts
    assert {r.operation for r in audit_log.requests(audited_bucket)} >= {"HeadObject", "CopyObject"}
    copied = [r for place in (audited_bucket, other) for r in audit_log.requests(place, "CopyObject")]
    assert len(copied) == 2 * len(KEYS)
    assert all(r.headers["X-Amz-Copy-Source-If-Match"] for r in copied)
    assert [place.get(f"copies/{key}") for place in (audited_bucket, other) for key in KEYS] == [*data.values()] * 2


def test_keys_of_any_kind_on_every_store(place: Store) -> None:
    sources = [place.put(f"src/{key}", key.encode()) for key in KEYS]
    copy(sources, [place.uri(f"dst/{key}") for key in KEYS], Client.get())
    assert [bytes(s3dlio.get(place.uri(f"dst/{key}"))) for key in KEYS] == [key.encode() for key in KEYS]
    source = sources[0]
    assert copy([source], [source], Client.get()) == [len(KEYS[0].encode())]  # to itself
    assert bytes(s3dlio.get(source)) == KEYS[0].encode()


def test_errors_name_what_they_are_about(bucket: Bucket) -> None:
    there = bucket.put("there", b"x")
    with pytest.raises(NotFoundError) as failure:
        copy([bucket.uri("missing")], [bucket.uri("copy")], Client.get())
    assert failure.value.uri == bucket.uri("missing")
    nowhere = f"s3://{bucket.name}-none/copy"
    with pytest.raises(NotFoundError, match="bucket") as failure:
        copy([there], [nowhere], Client.get())
    assert failure.value.uri == nowhere
    assert bucket.keys() == ["there"]


def test_between_stores_bytes_go_through_the_client(minio_bucket: Bucket, tmp_path: Path) -> None:
    source = minio_bucket.put("source", b"x" * MIB)
    target = f"file://{tmp_path}/copy"
    assert copy([source], [target], Client.get()) == [MIB]
    assert (tmp_path / "copy").read_bytes() == b"x" * MIB
