"""Writers against real servers: what the service holds afterwards, and that no upload is left behind."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

import s3dlio
from s3dlio import errors
from s3dlio._native import Client, list_pages
from tests.support.audit import AuditLog
from tests.support.checksums import crc32c
from tests.support.faults import FaultProxy
from tests.support.samples import BUCKETS, Remote
from tests.support.servers import Bucket, S3Server

MIB = 1 << 20
PART = 5 * MIB  # the least that S3 takes
DATA = os.urandom(12 * MIB + 345)
# Those that are named after a service; the others are all create_writer.
CREATE = {"s3": s3dlio.create_s3_writer, "az": s3dlio.create_azure_writer, "gs": s3dlio.create_gcs_writer}
Proxies = Callable[[S3Server], FaultProxy]


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, len(DATA)])
def test_what_is_written_is_stored(remote: Remote, size: int) -> None:
    uri = remote.uri("dir/key")
    with CREATE.get(uri.partition(":")[0], s3dlio.create_writer)(uri, part_size=PART) as writer:
        for start in range(0, size, MIB):
            writer.write(DATA[start : min(start + MIB, size)])
    assert remote.get("dir/key") == DATA[:size]
    assert writer.finalize() == (size, size)
    assert writer.etag() == s3dlio.stat(uri)["etag"]
    assert remote.uploads() == []


def test_parts_that_are_too_small_are_raised(bucket: Bucket) -> None:
    with s3dlio.create_writer(bucket.uri("key"), part_size=1000) as writer:
        writer.write_owned_bytes(DATA)
    assert bucket.get("key") == DATA
    head = bucket.server.client.head_object(Bucket=bucket.name, Key="key")
    assert head["ETag"].strip('"').endswith("-3")


def test_content_type_metadata_and_checksum(bucket: Bucket) -> None:
    for size in (10, len(DATA)):
        with s3dlio.create_writer(
            bucket.uri("key"), content_type="application/x-tar", metadata={"run-id": "a  b=c"}, part_size=PART
        ) as writer:
            writer.write(DATA[:size])
        head = bucket.server.client.head_object(Bucket=bucket.name, Key="key")
        assert (head["ContentType"], head["Metadata"]) == ("application/x-tar", {"run-id": "a  b=c"})
        known = s3dlio.stat(bucket.uri("key"))
        assert (known["content_type"], known["metadata"]) == ("application/x-tar", {"run-id": "a  b=c"})
    assert writer.checksum() == f"crc32c:{crc32c(DATA):08x}"


def test_storage_class(minio_bucket: Bucket) -> None:
    for size in (10, len(DATA)):
        uri = minio_bucket.uri(f"{size}")
        with s3dlio.create_writer(uri, storage_class="REDUCED_REDUNDANCY", part_size=PART) as writer:
            writer.write(DATA[:size])
        head = minio_bucket.server.client.head_object(Bucket=minio_bucket.name, Key=f"{size}")
        assert head["StorageClass"] == s3dlio.stat(uri)["storage_class"] == "REDUCED_REDUNDANCY"
    plain = minio_bucket.put("plain")
    assert s3dlio.stat(plain)["storage_class"] in (None, "STANDARD")
    (page,) = list_pages(Client.get(), minio_bucket.uri())
    assert page.storage_classes == ("REDUCED_REDUNDANCY", "REDUCED_REDUNDANCY", "STANDARD")
    writer = s3dlio.create_writer(minio_bucket.uri("odd"), storage_class="NO_SUCH_CLASS")
    writer.write(b"x")
    with pytest.raises(s3dlio.InvalidError, match="storage class is not known"):
        writer.finalize()


def test_compressed_in_parts(remote: Remote) -> None:
    data = os.urandom(6 * MIB) + bytes(30 * MIB)
    with s3dlio.create_writer(remote.uri("key.gz"), compression="gzip", compression_level=1, part_size=PART) as writer:
        writer.write(data)
    stored = remote.get("key.gz")
    assert gzip.decompress(stored) == data
    assert writer.finalize() == (len(data), len(stored))


def test_a_bucket_and_a_key(bucket: Bucket) -> None:
    with s3dlio.MultipartUploadWriter(bucket.name, "dir/a b", part_size=PART, content_type="x/y") as writer:
        writer.write(memoryview(DATA))
        space = writer.reserve(6 * MIB)
        space[:] = DATA[: 6 * MIB]
        writer.commit(6 * MIB)
    result = writer.close()
    assert bucket.get("dir/a b") == DATA + DATA[: 6 * MIB]
    head = bucket.server.client.head_object(Bucket=bucket.name, Key="dir/a b")
    assert (result["etag"], result["total_bytes"], result["parts"]) == (head["ETag"].strip('"'), 18 * MIB + 345, 4)


@pytest.mark.parametrize("end", ["exception", "abort", "drop"])
def test_nothing_is_left_of_what_is_given_up(remote: Remote, end: str) -> None:
    uri = remote.put("key", b"old")
    if end == "exception":
        writer = s3dlio.create_writer(uri, part_size=PART)
        with pytest.raises(ZeroDivisionError), writer:
            writer.write(DATA[: len(DATA) // (writer.write(DATA) - len(DATA))])
    else:
        old = s3dlio.MultipartUploadWriter.from_uri(uri, part_size=PART, abort_on_drop=True)
        old.write(DATA)
        assert remote.get("key") == b"old"
        if end == "abort":
            old.abort()
        del old
    assert remote.get("key") == b"old"
    assert remote.keys() == ["key"]
    assert remote.uploads() == []


def test_a_dropped_writer_is_completed(remote: Remote) -> None:
    writer = s3dlio.create_writer(remote.uri("key"), part_size=PART)
    writer.write(DATA)
    del writer
    assert remote.get("key") == DATA
    assert remote.uploads() == []


@pytest.mark.parametrize("kind", BUCKETS)
def test_a_missing_bucket_is_named(kind: str, place_of: Callable[[str], Remote]) -> None:
    uri = place_of(kind).uri().partition(":")[0] + "://no-such-bucket-here/key"
    for size in (1, len(DATA)):
        writer = s3dlio.create_writer(uri, part_size=PART)
        with pytest.raises(errors.NotFoundError, match=f"{uri}: .*no-such-bucket-here"):
            finish(writer, DATA[:size])


def finish(writer: s3dlio.ObjectWriter, data: bytes, count: int = 1) -> None:
    for _ in range(count):
        writer.write(data)
    writer.finalize()


def test_wrong_credentials_are_a_refusal(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    with pytest.raises(errors.PermissionDeniedError) as caught, s3dlio.create_writer(bucket.uri("key")) as writer:
        writer.write(b"x")
    assert "not-the-secret" not in str(caught.value)
    assert bucket.keys() == []


def test_connections_that_break_are_made_good(minio_bucket: Bucket, fault_proxy: Proxies) -> None:
    proxy = fault_proxy(minio_bucket.server)
    toxic = proxy.add("limit_data", stream="upstream", bytes=8 * MIB)  # every connection ends after 8 MiB
    with s3dlio.create_writer(minio_bucket.uri("key"), part_size=PART, endpoint_url=proxy.endpoint) as writer:
        writer.write(DATA)
        writer.write(DATA)
    proxy.remove(toxic)
    assert minio_bucket.get("key") == DATA * 2
    assert minio_bucket.uploads() == []


def test_a_service_that_goes_away_is_an_error_and_publishes_nothing(minio_bucket: Bucket, fault_proxy: Proxies) -> None:
    proxy = fault_proxy(minio_bucket.server)
    writer = s3dlio.create_writer(
        minio_bucket.uri("key"), part_size=PART, endpoint_url=proxy.endpoint, retry_timeout=0.5
    )
    writer.write(DATA)
    proxy.add("reset_peer", timeout=0)
    with pytest.raises(errors.ConnectionFailedError) as caught:
        finish(writer, DATA, 100)
    assert caught.value.uri == minio_bucket.uri("key")
    assert minio_bucket.keys() == []


KILLED = """
import os, signal, sys, s3dlio
writer = s3dlio.create_writer(sys.argv[1], part_size=5 << 20)
writer.write(bytes(20 << 20))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_program_publishes_nothing(remote: Remote) -> None:
    remote.put("key", b"old")
    command = [sys.executable, "-c", KILLED, remote.uri("key")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert remote.get("key") == b"old"
    with s3dlio.create_writer(remote.uri("key"), part_size=PART) as writer:
        writer.write(DATA)  # what is left of the other does not disturb
    assert remote.get("key") == DATA


def test_requests(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    """No request but those needed: one for an object of one part; else begin, parts and end."""
    for size in (PART, len(DATA)):
        with s3dlio.create_writer(audited_bucket.uri(f"{size}"), part_size=PART) as writer:
            writer.write(DATA[:size])
    found = [request.operation for request in audit_log.requests(audited_bucket)]
    assert sorted(name for name in found if name != "PutBucket") == sorted(
        ["PutObject", "NewMultipartUpload", *["PutObjectPart"] * 3, "CompleteMultipartUpload"]
    )


def test_a_pipeline_from_a_bucket_to_a_directory(
    minio_bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("results")
    for i in range(3):
        minio_bucket.put(f"in/{i}", b"%d" % i)
    with s3dlio.create_writer(f"file://{folder}/") as writer:
        for view in s3dlio.create_dataset(minio_bucket.uri("in/")):
            writer.write_owned_bytes(view)
    assert bytes(s3dlio.get(writer.uri)) == b"012"
