"""The native client of the drop-in: which text a failure has, and clients that go to other processes."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from s3dlio.compat.s3torchconnectorclient._mountpoint_s3_client import (
    MockMountpointS3Client,
    MountpointS3Client,
    S3Exception,
)
from s3dlio.errors import InvalidError, NotFoundError
from tests.support.faults import FaultProxy
from tests.support.servers import REGION, Bucket, S3Server

Request = Callable[[MountpointS3Client, str], object]
REQUESTS: dict[str, tuple[Request, str | None, str]] = {
    # what fails, and what it says of a missing key (None: nothing) and of a missing bucket
    "get": (
        lambda client, bucket: next(client.get_object(bucket, "a/key")),
        "Service error: The key does not exist",
        "Service error: The bucket does not exist",
    ),
    "head": (
        lambda client, bucket: client.head_object(bucket, "a/key"),
        "Service error: The object was not found",
        "Service error: The object was not found",
    ),
    "list": (
        lambda client, bucket: next(client.list_objects(bucket, "a/")),
        None,
        "Service error: The bucket does not exist",
    ),
    "delete": (
        lambda client, bucket: client.delete_object(bucket, "a/key"),
        None,
        "Service error: The bucket does not exist",
    ),
    "copy": (
        lambda client, bucket: client.copy_object(bucket, "a/key", bucket, "b/key"),
        "Service error: The object was not found",
        "Service error: The object was not found",
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_missing_is_told_as_the_original_tells_it(bucket: Bucket, name: str) -> None:
    client = MountpointS3Client(REGION)
    request, no_key, no_bucket = REQUESTS[name]
    if no_key is None:
        request(client, bucket.name)
    for place, text in ((bucket.name, no_key), (f"{bucket.name}-missing", no_bucket)):
        if text is not None:
            with pytest.raises(S3Exception) as caught:
                request(client, place)
            assert str(caught.value) == text
            assert isinstance(caught.value.__cause__, NotFoundError)


def test_a_client_pickles_to_its_parameters(minio_bucket: Bucket) -> None:
    minio_bucket.put("key", b"data")
    client = MountpointS3Client(REGION, "agent/1", 5.0, 6 << 20, None, False, None, True, 3)
    b"".join(client.get_object(minio_bucket.name, "key"))
    again = pickle.loads(pickle.dumps(client))
    assert b"".join(again.get_object(minio_bucket.name, "key")) == b"data"
    for name in (
        "region",
        "user_agent_prefix",
        "throughput_target_gbps",
        "part_size",
        "force_path_style",
        "max_attempts",
    ):
        assert getattr(again, name) == getattr(client, name)


def test_a_client_in_memory_pickles_for_its_own_process() -> None:
    service = MockMountpointS3Client(REGION, "bucket")
    service.add_object("key", b"data")
    again = pickle.loads(pickle.dumps(service.create_mocked_client()))
    assert b"".join(again.get_object("bucket", "key")) == b"data"


def test_a_client_in_memory_may_have_tiny_parts() -> None:
    service = MockMountpointS3Client(REGION, "bucket", part_size=2)
    service.add_object("key", b"12345")
    assert list(service.create_mocked_client().get_object("bucket", "key")) == [b"12", b"34", b"5"]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"part_size": (5 << 20) - 1}, "invalid configuration: part size must be at between 5MiB and 5GiB"),
        ({"part_size": (5 << 30) + 1}, "invalid configuration: part size must be at between 5MiB and 5GiB"),
        ({"max_attempts": 0}, "invalid configuration: max_attempts must be at least 1, not 0"),
        (
            {"endpoint": "INVALID"},
            "Client error: Failed to construct request: Invalid S3 endpoint: endpoint could not be resolved: "
            "Custom endpoint `INVALID` was not a valid URI",
        ),
    ],
)
def test_wrong_parameters_are_told_with_the_librarys_error_as_their_cause(
    parameters: dict[str, Any], text: str
) -> None:
    with pytest.raises(S3Exception) as caught:
        MountpointS3Client(REGION, **parameters)
    assert str(caught.value) == text
    assert isinstance(caught.value.__cause__, InvalidError)


def test_a_listing_that_failed_goes_on_where_it_was(
    minio_bucket: Bucket, fault_proxy: Callable[[S3Server], FaultProxy]
) -> None:
    for i in range(7):
        minio_bucket.put(f"{i}")
    proxy = fault_proxy(minio_bucket.server)
    client = MountpointS3Client(REGION, endpoint=proxy.endpoint, max_attempts=1)
    pages = client.list_objects(minio_bucket.name, max_keys=3)
    name = proxy.add("reset_peer", timeout=0)
    with pytest.raises(S3Exception):
        next(pages)
    proxy.remove(name)
    assert [[info.key for info in page.object_info] for page in pages] == [["0", "1", "2"], ["3", "4", "5"], ["6"]]


def test_the_error_for_an_endpoint_has_no_password() -> None:
    with pytest.raises(S3Exception, match="`host:9000` was not a valid URI") as caught:
        MountpointS3Client(REGION, endpoint="user:password@host:9000")
    assert "password" not in str(caught.value) + str(caught.value.__cause__)
