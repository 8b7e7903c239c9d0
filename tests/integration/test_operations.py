"""The function API, plain and in asyncio, on every kind of store."""

from __future__ import annotations

import asyncio
import functools
import io
import os
import re
import uuid
from array import array
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import s3dlio
from s3dlio.errors import (
    AlreadyExistsError,
    InvalidError,
    IsDirectoryError,
    NotFoundError,
    OutOfRangeError,
    UnsupportedError,
)
from tests.support.mem import MemBucket, wait_until_idle
from tests.support.samples import Folder, Store, is_local
from tests.support.servers import S3Server

KEYS = ["plain", "with space", "ünï/cödé", "per%20cent", "p+l+u+s", "ha#sh", "que?ry=1&x", ".hidden", "a" * 200, "日本"]


class Api:
    """The functions of s3dlio; with `in_asyncio` those that have a twin there are run as it."""

    def __init__(self, in_asyncio: bool) -> None:
        self.in_asyncio = in_asyncio

    def __getattr__(self, name: str) -> Callable[..., Any]:
        twin = getattr(s3dlio, f"{name}_async", None)
        if not self.in_asyncio or twin is None:
            function: Callable[..., Any] = getattr(s3dlio, name)
            return function
        return lambda *args, **kwargs: asyncio.run(twin(*args, **kwargs))


@pytest.fixture(params=[False, True], ids=["plain", "asyncio"])
def api(request: pytest.FixtureRequest) -> Api:
    return Api(request.param)


# Reading and writing


def test_what_is_put_can_be_got(api: Api, place: Store) -> None:
    for number, key in enumerate(KEYS):
        content = b"%d" % number * 1000
        api.put_bytes(place.uri(key), content)
        assert api.get(place.uri(key)) == content
        api.put(place.uri(key), b"")
        assert len(api.get(place.uri(key))) == 0
    assert sorted(api.list(place.uri(), recursive=True)) == sorted(place.uri(key) for key in KEYS)
    wait_until_idle()


@pytest.mark.parametrize(
    "make", [bytes, bytearray, memoryview, functools.partial(array, "b"), lambda data: np.frombuffer(data, np.uint16)]
)
def test_anything_bytes_like_can_be_put(make: Callable[[bytes], Any]) -> None:
    place = MemBucket()
    s3dlio.put_bytes(place.uri("key"), make(b"hello!"))
    assert s3dlio.get(place.uri("key")) == b"hello!"
    s3dlio.put_bytes(place.uri("copy"), s3dlio.get(place.uri("key")))
    assert s3dlio.get(place.uri("copy")) == b"hello!"


def test_the_data_is_free_again_when_put_returns(api: Api, place: Store) -> None:
    stream = io.BytesIO(b"hello")
    with stream.getbuffer() as buffer:
        api.put_bytes(place.uri("key"), buffer)
    stream.write(b"something longer than before")
    with pytest.raises(InvalidError):
        api.put_bytes("nonsense", data := bytearray(5))
    data.append(1)


def test_large_objects(api: Api, place: Store) -> None:
    """Larger than a part; the end is aligned with nothing."""
    content = os.urandom(1 << 20) * 20 + b"end"
    api.put_bytes(place.uri("large"), content)
    assert api.get(place.uri("large")) == content
    assert api.get_range(place.uri("large"), 5_000_001, 12_000_000) == content[5_000_001:17_000_001]
    wait_until_idle()


def test_ranges(api: Api, place: Store) -> None:
    uri = place.put("key", b"0123456789")
    for offset, length, expected in [
        (0, None, b"0123456789"),
        (3, None, b"3456789"),
        (3, 4, b"3456"),
        (8, 100, b"89"),
        (10, None, b""),
        (10, 5, b""),
        (4, 0, b""),
        (np.int64(2), np.int64(2), b"23"),
    ]:
        assert api.get_range(uri, offset, length) == expected
    assert api.get_range(uri, offset=1, length=2) == b"12"
    with pytest.raises(OutOfRangeError):
        api.get_range(uri, 11)
    with pytest.raises(InvalidError, match=r"offset must not be negative, but is -1"):
        api.get_range(uri, -1)
    with pytest.raises(InvalidError, match=r"length must not be negative, but is -5"):
        api.get_range(uri, 0, -5)
    with pytest.raises(InvalidError, match=r"offset must be an int, not 1.5"):
        api.get_range(uri, 1.5)


def test_many(api: Api, place: Store) -> None:
    objects = [(place.uri(f"many/{i}"), b"%d" % i * i) for i in range(150)]
    api.put_many(objects, max_in_flight=7)
    uris = [uri for uri, _ in reversed(objects)] + [objects[5][0]] * 2
    found = api.get_many(uris, max_in_flight=5)
    assert [uri for uri, _ in found] == uris
    assert [bytes(view) for _, view in found] == [dict(objects)[uri] for uri in uris]
    assert api.get_many_stats(uris, max_in_flight=5) == (152, sum(len(view) for _, view in found))
    assert api.get_many_stats([]) == (0, 0)
    assert api.get_many([]) == []
    assert api.get_many(iter(uris[:2]))[1][0] == uris[1]
    del found
    wait_until_idle()


def test_many_raise_the_first_error_in_the_order_given(api: Api, place: Store) -> None:
    there = place.put("there", b"x")
    for attempt in range(3):
        read = api.get_many_stats if attempt == 2 else api.get_many
        with pytest.raises(NotFoundError) as failure:
            read([there] * 50 + [place.uri("first"), place.uri("second")] + [there] * 50)
        assert failure.value.uri == place.uri("first")
        del failure  # its traceback holds what was read before
    with pytest.raises(UnsupportedError):
        api.put_many([(place.uri("ok"), b""), ("other://b/k", b""), ("other://b/l", b"")])
    wait_until_idle()


@pytest.mark.parametrize("value", [0, -1, 1.5, "8"])
def test_max_in_flight_is_checked(value: Any) -> None:
    for call in (s3dlio.get_many, s3dlio.put_many):
        with pytest.raises(InvalidError, match="max_in_flight"):
            call([], max_in_flight=value)


# What is there


def test_stat(api: Api, place: Store) -> None:
    uri = place.put("key", b"hello")
    found = api.stat(uri)
    assert set(found) == {
        "size",
        "last_modified",
        "etag",
        "content_type",
        "metadata",
        "is_dir",
        "storage_class",
        "restore",
    }
    assert (found["size"], found["is_dir"]) == (5, False)
    assert found["etag"]
    age = datetime.now(timezone.utc) - datetime.fromisoformat(found["last_modified"])
    assert timedelta(minutes=-5) < age < timedelta(minutes=5)
    with pytest.raises(NotFoundError):
        api.stat(place.uri("missing"))


def test_stat_many(api: Api, place: Store) -> None:
    uris = [place.put(f"many/{i}", b"x" * i) for i in range(70)]
    found = api.stat_many(iter(uris + uris[:1]), max_in_flight=3)
    assert [each["size"] for each in found] == [*range(70), 0]
    assert found[5] == api.stat(uris[5])
    assert api.stat_many([]) == []
    with pytest.raises(NotFoundError) as failure:
        api.stat_many([uris[0], place.uri("first"), uris[1], place.uri("second")])
    assert failure.value.uri == place.uri("first")
    with pytest.raises(InvalidError, match="uris must be a list, not one str"):
        api.stat_many(uris[0])
    with pytest.raises(InvalidError, match="max_in_flight must be at least 1"):
        api.stat_many(uris, 0)


def test_capabilities(place: Store) -> None:
    """What is promised of a scheme holds for its stores."""
    can = s3dlio.object_capabilities(place.uri("any"))
    assert can["provider"] == place.uri().partition(":")[0]
    assert can["directories"] is is_local(place)
    assert can["containers"] is not is_local(place)
    assert all(can[name] for name in ("ranges", "etags", "atomic_put", "multipart_upload", "get_into", "head"))
    assert (s3dlio.stat(place.put("key"))["content_type"] is not None) <= can["content_type"]
    assert can["min_part_size"] == {"s3": 5 << 20, "gs": 256 << 10}.get(can["provider"], 0)
    assert s3dlio.object_capabilities(f"{can['provider'].upper()}://b/k") == can


def test_capabilities_of_nothing() -> None:
    with pytest.raises(UnsupportedError, match="unsupported"):
        s3dlio.object_capabilities("gopher://b/k")
    with pytest.raises(InvalidError, match="malformed URI"):
        s3dlio.object_capabilities("b/k")


def test_the_options_of_the_client(minio: S3Server, versitygw: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given as keywords they win over the environment, in plain calls and in asyncio."""
    for name, value in (minio.environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}).items():
        monkeypatch.setenv(name, value)
    here, there = minio.new_bucket(), versitygw.new_bucket()
    for bucket in (here, there):
        options: Any = {"endpoint_url": bucket.server.endpoint}
        s3dlio.put(bucket.uri("k"), b"x", **options)
        assert asyncio.run(s3dlio.get_async(bucket.uri("k"), **options)) == b"x"
        assert s3dlio.list(bucket.uri(), **options) == [bucket.uri("k")]
        assert s3dlio.get_many([bucket.uri("k")], 2, **options)[0][1] == b"x"
        s3dlio.delete(bucket.uri(), recursive=True, **options)
        assert bucket.keys() == []
    with pytest.raises(ConnectionError):
        s3dlio.get(here.uri("k"), retry_timeout=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retry_timeuot": 1}, r"option 'retry_timeuot' is not known\. Did you mean 'retry_timeout'\?"),
        ({"batch_size": 1}, "option 'batch_size' has no effect on this function"),
        ({"retry_timeout": "long"}, "option retry_timeout must be number, not 'long'"),
        ({"max_attempts": -1}, "option max_attempts must be at least 0"),
        ({"endpoint_url": "http://me:secret@h"}, "user name or a password"),
    ],
)
def test_wrong_options(options: Any, message: str) -> None:
    for api in (Api(False), Api(True)):
        with pytest.raises(InvalidError, match=message) as failure:
            api.stat("s3://b/k", **options)
        assert "secret" not in str(failure.value)


def test_exists(api: Api, place: Store) -> None:
    uri = place.put("dir/key", b"")
    assert api.exists(uri) is True
    assert api.exists(place.uri("dir/other")) is False
    assert api.exists(place.uri("dir")) is is_local(place)
    assert api.exists(place.uri()) is True


def test_exists_is_never_false_by_mistake(minio: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = minio.new_bucket()
    uri = bucket.put("key", b"")
    for name, value in minio.environment.items():
        monkeypatch.setenv(name, value)
    assert s3dlio.exists(uri)
    assert not s3dlio.exists(uri + "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(PermissionError):
        s3dlio.exists(uri)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(ConnectionError):
        s3dlio.exists(uri)


def test_list(api: Api, place: Store) -> None:
    for key in ("a/1.txt", "a/2.bin", "a/b/3.txt", "c.txt"):
        place.put(key, b"x")
    base = place.uri()

    def listed(*args: Any) -> list[str]:
        return [uri.removeprefix(base) for uri in api.list(*args)]

    assert listed(base) == ["a/", "c.txt"]
    assert listed(base, True) == ["a/1.txt", "a/2.bin", "a/b/3.txt", "c.txt"]
    assert listed(base + "a/") == ["a/1.txt", "a/2.bin", "a/b/"]
    assert listed(base, True, "*.txt") == ["a/1.txt", "a/b/3.txt", "c.txt"]
    assert listed(base, True, re.compile(r"/\d\.txt$")) == ["a/1.txt", "a/b/3.txt"]
    assert listed(base, True, "nothing") == []
    assert listed(base + "c.txt") == ["c.txt"]
    assert all(uri.startswith(base) for uri in api.list(base))


def test_listed_uris_begin_as_the_request_does(api: Api, place: Store) -> None:
    place.put("a/b", b"x")
    scheme, rest = place.uri().split("://")
    loud = f"{scheme.upper()}://{rest}"
    assert api.list(loud, recursive=True) == [f"{loud}a/b"]


def test_listing_nothing(api: Api, place: Store) -> None:
    if is_local(place):
        with pytest.raises(NotFoundError):
            api.list(place.uri("missing/"))
    else:
        assert api.list(place.uri("missing/")) == []
    assert api.list(place.uri()) == []


# Deleting


def test_delete(api: Api, place: Store) -> None:
    uri, other = place.put("key", b""), place.put("key2", b"")
    api.delete(uri)
    assert not api.exists(uri)
    assert api.exists(other)
    if is_local(place):
        with pytest.raises(NotFoundError):
            api.delete(uri)
    else:
        api.delete(uri)


def test_delete_recursively(api: Api, place: Store) -> None:
    for key in [f"data/{i // 10}/{i}" for i in range(60)] + ["data/direct", "database/kept", "data.txt"]:
        place.put(key, b"x")
    api.delete(place.uri("data"), recursive=True)
    assert api.list(place.uri(), recursive=True) == [place.uri("data.txt"), place.uri("database/kept")]
    assert not api.exists(place.uri("data"))
    place.put("data/again", b"x")
    api.delete(place.uri("data/"), recursive=True)
    assert not api.exists(place.uri("data/again"))


def test_delete_recursively_follows_no_links(api: Api, tmp_path: Path) -> None:
    outside, tree = Folder(tmp_path / "outside"), Folder(tmp_path / "tree")
    kept = outside.put("kept", b"x")
    tree.put("sub/file", b"x")
    (tmp_path / "tree/link").symlink_to(tmp_path / "outside")
    (tmp_path / "tree/sub/file-link").symlink_to(tmp_path / "outside/kept")
    with pytest.raises(IsDirectoryError):
        api.delete(tree.uri("sub"))
    api.delete(tree.uri(), recursive=True)
    assert not (tmp_path / "tree").exists()
    assert api.exists(kept)


# Directories and buckets


def test_mkdir(api: Api, place: Store) -> None:
    api.mkdir(place.uri("new/deep/"))
    api.mkdir(place.uri("new/deep/"))
    assert api.exists(place.uri("new/deep")) is is_local(place)
    if not is_local(place):
        with pytest.raises(NotFoundError):
            api.mkdir(f"{place.uri().split('://')[0]}://no-such-bucket-{uuid.uuid4().hex}/x/")


@pytest.mark.parametrize("kind", ["mem", "minio", "azurite", "fake_gcs"])
def test_buckets(kind: str, place_of: Callable[[str], Store]) -> None:
    scheme = place_of(kind).uri().partition(":")[0]
    name = f"bucket-{uuid.uuid4().hex[:16]}"
    uri = f"{scheme}://{name}/"
    given = name if scheme == "s3" else uri
    s3dlio.create_bucket(given)
    with pytest.raises(AlreadyExistsError):
        s3dlio.create_bucket(uri.rstrip("/"))
    assert uri in s3dlio.list_containers(f"{scheme}://")
    assert s3dlio.exists(uri)
    s3dlio.delete_bucket(given)
    assert uri not in s3dlio.list_containers(f"{scheme}://")
    with pytest.raises(NotFoundError):
        s3dlio.list(uri)
    with pytest.raises(NotFoundError):
        s3dlio.delete_bucket(given)


def test_local_schemes_have_no_buckets() -> None:
    for call in (s3dlio.create_bucket, s3dlio.delete_bucket, s3dlio.list_containers):
        with pytest.raises(UnsupportedError):
            call("file:///tmp")


# Bad input


@pytest.mark.parametrize("name", ["get", "stat", "exists", "list", "delete", "mkdir"])
@pytest.mark.parametrize(
    ("uri", "error", "text"),
    [
        ("", InvalidError, "empty URI"),
        ("no-scheme", InvalidError, "no scheme"),
        ("/data/file", InvalidError, r"write file:///data/file"),
        ("other://bucket/key", UnsupportedError, r"unsupported scheme.*file.*s3"),
        ("s3:///key", InvalidError, "bucket"),
        ("file://host/key", InvalidError, "absolute path"),
        (None, InvalidError, "must be a str, not NoneType"),
        (b"file:///x", InvalidError, "must be a str, not bytes"),
        (Path("/data/file"), InvalidError, r"write 'file:///data/file'"),
        ("file:///nul\0l", InvalidError, "NUL"),
    ],
)
def test_uris_that_are_none(api: Api, name: str, uri: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.compile(text, re.DOTALL)):
        getattr(api, name)(uri)


def test_a_single_uri_is_no_list() -> None:
    with pytest.raises(InvalidError, match="uris must be a list"):
        s3dlio.get_many("file:///x")


def test_data_that_is_no_data(api: Api) -> None:
    for data in ("text", 5, None, memoryview(bytearray(10))[::2], object()):
        with pytest.raises(InvalidError, match="bytes-like"):
            api.put_bytes(MemBucket().uri("key"), data)


def test_cancelling_stops_the_requests() -> None:
    uris = [MemBucket().put("key", b"x" * 1000)] * 20_000

    async def main() -> None:
        task = asyncio.ensure_future(s3dlio.get_many_async(uris, max_in_flight=1))
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    wait_until_idle()
