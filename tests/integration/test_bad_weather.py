"""Services that refuse, break off, stall or change their minds: clear errors, whole data, nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import s3dlio
from s3dlio import errors
from s3dlio._native import Client, Op, Stream
from s3dlio.listing import Listing
from tests.support.faults import FaultProxy
from tests.support.processes import free_port
from tests.support.servers import Bucket, S3Server

Proxies = Callable[[S3Server], FaultProxy]
MIB = 1 << 20
GIVE_UP = {"retry_timeout": 1.0, "request_timeout": 1.0}
INTERRUPTED_WITHIN = 10.0  # seconds; half a second is the aim, the rest is a busy machine


def test_wrong_secret_is_a_refusal_and_never_an_absence(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = bucket.put("there", b"x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret-of-this-server")
    for call in (s3dlio.get, s3dlio.exists, s3dlio.stat, s3dlio.create_dataset, lambda u: s3dlio.put(u, b"y")):
        with pytest.raises(errors.PermissionDeniedError) as caught:
            call(uri)
        assert caught.value.status == 403
        assert "not-the-secret" not in str(caught.value) + repr(caught.value.__cause__)
    with pytest.raises(errors.PermissionDeniedError):
        s3dlio.list(bucket.uri())
    assert bucket.get("there") == b"x"


def test_no_credentials_says_what_to_set(minio_bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(errors.CredentialsError, match="AWS_ACCESS_KEY_ID"):
        s3dlio.exists(minio_bucket.uri("x"))


def test_dead_endpoint_is_named(
    monkeypatch: pytest.MonkeyPatch, minio: S3Server, use_server: Callable[..., None]
) -> None:
    use_server(minio)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint := f"http://127.0.0.1:{free_port()}")
    for call in (s3dlio.exists, s3dlio.get):
        with pytest.raises(errors.ConnectionFailedError) as caught:
            call("s3://bucket/key")
        assert isinstance(caught.value, ConnectionError)
        assert endpoint in str(caught.value)
        assert caught.value.attempts > 1


def through(proxy: FaultProxy, uri: str, **options: object) -> bytes:
    """Reads an object through a proxy."""
    return bytes(s3dlio.PyDataset.from_uris([uri], endpoint_url=proxy.endpoint, **options)[0])


def test_a_body_cut_short_is_resumed(minio_bucket: Bucket, fault_proxy: Proxies) -> None:
    data = os.urandom(9 * MIB)
    uri = minio_bucket.put("cut", data)
    proxy = fault_proxy(minio_bucket.server)
    proxy.add("limit_data", bytes=2 * MIB)  # every connection ends after 2 MiB
    assert through(proxy, uri) == data


def test_a_body_always_cut_short_is_an_error(minio_bucket: Bucket, fault_proxy: Proxies) -> None:
    uri = minio_bucket.put("cut", os.urandom(MIB))
    proxy = fault_proxy(minio_bucket.server)
    proxy.add("limit_data", bytes=100)  # not even a whole header
    with pytest.raises((errors.TruncatedError, errors.ConnectionFailedError)) as caught:
        through(proxy, uri, **GIVE_UP)
    assert uri in str(caught.value)
    assert caught.value.attempts > 1


def test_a_server_that_stalls_times_out(minio_bucket: Bucket, fault_proxy: Proxies) -> None:
    uri = minio_bucket.put("stall", os.urandom(MIB))
    proxy = fault_proxy(minio_bucket.server)
    proxy.add("timeout", timeout=0)
    with pytest.raises(errors.TimedOutError, match="stall") as caught:
        through(proxy, uri, **GIVE_UP)
    assert isinstance(caught.value, TimeoutError)


def test_a_restarting_server_is_waited_for(minio_bucket: Bucket, fault_proxy: Proxies) -> None:
    uri = minio_bucket.put("later", b"data")
    proxy = fault_proxy(minio_bucket.server)
    assert through(proxy, uri) == b"data"  # it has answered once
    proxy.disable()
    dataset = s3dlio.PyDataset.from_uris([uri] * 3, endpoint_url=proxy.endpoint)
    steps = iter(dataset)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(lambda: [bytes(item) for item in steps])
        time.sleep(1)
        assert not reading.done()
        proxy.enable()
        assert reading.result() == [b"data"] * 3


def test_an_object_overwritten_while_it_is_read_is_never_spliced(minio_bucket: Bucket, fault_proxy: Proxies) -> None:
    size = 6 * MIB
    uri = minio_bucket.put("changing", bytes(size))
    proxy = fault_proxy(minio_bucket.server)
    proxy.add("bandwidth", rate=6 * 1024)  # a read takes about a second: time for two writes on a busy machine too
    dataset = s3dlio.PyDataset.from_uris([uri], endpoint_url=proxy.endpoint, part_size=MIB, max_concurrent=2)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(lambda: bytes(next(iter(dataset))))
        versions = 0
        while not reading.done():
            versions += 1
            minio_bucket.put("changing", bytes([versions % 256]) * size)
    assert versions > 1
    failure = reading.exception()
    if failure is None:
        data = reading.result()
        assert data == data[:1] * size
    else:  # it changed each time that the read began again
        assert isinstance(failure, errors.ChangedError)
        assert uri in str(failure)


READ_SLOWLY = """
import sys, s3dlio
print("reading", flush=True)
try:
    s3dlio.get(sys.argv[1])
except KeyboardInterrupt:
    print("interrupted", s3dlio.get(sys.argv[2])[:5].tobytes().decode(), flush=True)
"""


def test_interrupt_ends_a_read_and_leaves_the_library_usable(
    minio_bucket: Bucket, fault_proxy: Proxies, tmp_path: Path
) -> None:
    (tmp_path / "other").write_bytes(b"alive")
    uri = minio_bucket.put("slow", os.urandom(4 * MIB))
    proxy = fault_proxy(minio_bucket.server)
    proxy.add("bandwidth", rate=1)
    environment = {**os.environ, "AWS_ENDPOINT_URL": proxy.endpoint}
    command = [sys.executable, "-c", READ_SLOWLY, uri, f"file://{tmp_path}/other"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "reading\n"
        time.sleep(1)  # it is in the middle of it
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted alive\n"
        assert time.monotonic() - sent < INTERRUPTED_WITHIN
        assert child.wait(timeout=60) == 0


def test_a_listing_that_breaks_off_is_continued(
    minio_bucket: Bucket, fault_proxy: Proxies, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [minio_bucket.put(f"k/{i:04d}", b"") for i in range(1200)]
    proxy = fault_proxy(minio_bucket.server)
    proxy.add("limit_data", bytes=300_000)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    assert s3dlio.list(minio_bucket.uri("k/")) == expected


@pytest.mark.parametrize("threshold", [MIB, 64 * MIB], ids=["parts", "whole"])
def test_an_upload_cut_off_leaves_nothing(threshold: int, minio_bucket: Bucket, fault_proxy: Proxies) -> None:
    proxy = fault_proxy(minio_bucket.server)
    proxy.add("limit_data", stream="upstream", bytes=7 * MIB)
    client = Client.get({"endpoints": [proxy.endpoint], "multipart_threshold": threshold, "max_attempts": 2})
    uri = minio_bucket.uri("big")
    with Stream(client, Op.PUT, Listing.from_uris([uri]), memory=[bytes(40 * MIB)]) as stream:
        (item,) = stream.take()
    assert isinstance(item.error, (errors.ConnectionFailedError, errors.TimedOutError)) or threshold == MIB
    if item.error is None:
        assert len(minio_bucket.get("big")) == 40 * MIB
    else:
        assert uri in str(item.error)
        assert minio_bucket.keys() == []
