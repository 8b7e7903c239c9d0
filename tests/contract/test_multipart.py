"""`MultipartUploadWriter`: reserving space, and what of it differs from other writers."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Any

import pytest

import s3dlio
from s3dlio import MultipartUploadWriter
from s3dlio.errors import ClosedError, InvalidError, UnsupportedError
from tests.support.mem import MemBucket, held, wait_until_idle
from tests.support.samples import Store

KIB = 1 << 10
DATA = bytes(range(256)) * 1001


@pytest.fixture
def uri(folder: Store) -> str:
    return folder.uri("object")


def content(uri: str) -> bytes:
    return bytes(s3dlio.get(uri))


def test_close_tells_what_was_stored(uri: str) -> None:
    before = time.time()
    with MultipartUploadWriter.from_uri(uri, part_size=64 * KIB, max_in_flight=2, abort_on_drop=True) as writer:
        assert writer.write(DATA) == len(DATA)
    result = writer.close()
    assert result == writer.close()
    assert content(uri) == DATA
    assert set(result) == {"etag", "total_bytes", "parts", "started_at", "completed_at"}
    assert (result["total_bytes"], result["parts"]) == (len(DATA), 4)
    assert result["etag"] == s3dlio.stat(uri)["etag"]
    assert before <= result["started_at"] <= result["completed_at"] <= time.time()
    with pytest.raises(ClosedError):
        writer.write(b"x")
    writer.abort()  # too late
    assert content(uri) == DATA


@pytest.mark.parametrize("size", [0, 1, 1000, 64 * KIB, 64 * KIB + 1, 300 * KIB])
def test_what_is_reserved_is_stored(uri: str, size: int) -> None:
    expected = b""
    with MultipartUploadWriter.from_uri(uri, part_size=64 * KIB) as writer:
        for number in range(5):
            space = writer.reserve(size)
            assert (len(space), space.readonly, space.format) == (size, False, "B")
            filled = size - size // 3
            space[:filled] = bytes([number]) * filled
            writer.commit(filled)
            writer.write(b"|")
            expected += bytes([number]) * filled + b"|"
    assert content(uri) == expected


def test_small_spaces_lie_in_the_part_itself(uri: str) -> None:
    wait_until_idle()  # what the tests before have left is collected
    with MultipartUploadWriter.from_uri(uri, part_size=64 * KIB) as writer:
        first = writer.reserve(100)
        writer.commit(100)
        second = writer.reserve(100)
        writer.commit(100)
        del second
        assert held() == 1  # the part, through the view that is left
        first[:] = b"x" * 100  # allowed before the part is sent
    assert content(uri)[:100] == b"x" * 100
    del first
    gc.collect()
    assert held() == 0


def test_a_space_may_outlive_its_writer(uri: str) -> None:
    writer = MultipartUploadWriter.from_uri(uri, part_size=64 * KIB)
    space = writer.reserve(1000)
    writer.abort()
    del writer
    space[:] = b"y" * 1000
    assert bytes(space) == b"y" * 1000
    del space
    wait_until_idle()


@pytest.mark.parametrize("size", [10, 100 * KIB])
def test_spaces_that_are_misused(uri: str, size: int) -> None:
    with MultipartUploadWriter.from_uri(uri, part_size=64 * KIB) as writer:
        with pytest.raises(InvalidError, match="nothing is reserved"):
            writer.commit(0)
        space = writer.reserve(size)
        space[:5] = b"space"
        for misuse in (lambda: writer.reserve(1), lambda: writer.write(b"x")):
            with pytest.raises(InvalidError, match="reserved") as caught:
                misuse()
            assert caught.value.uri == uri
        for length in (size + 1, -1):
            with pytest.raises(InvalidError, match=f"{size} bytes are reserved"):
                writer.commit(length)
        writer.commit(5)
    assert content(uri) == b"space"


@pytest.mark.parametrize("size", [10, 100 * KIB])
def test_a_space_that_is_not_committed_publishes_nothing(uri: str, size: int) -> None:
    writer = MultipartUploadWriter.from_uri(uri, part_size=64 * KIB)
    writer.reserve(size)
    with pytest.raises(InvalidError, match="not committed"):
        writer.close()
    writer.abort()
    assert not s3dlio.exists(uri)


@pytest.mark.parametrize("copy", [False, True])
def test_the_memory_of_the_data_is_free_after_write(uri: str, copy: bool) -> None:
    ring = bytearray(200 * KIB)
    with MultipartUploadWriter.from_uri(uri, part_size=64 * KIB, max_in_flight=1) as writer:
        for number in range(4):
            ring[:] = bytes([number]) * len(ring)
            writer.write(memoryview(ring), copy=copy)
            writer.write(bytes(ring), copy=copy)
        ring.append(1)  # nothing uses it
    assert content(uri) == b"".join(bytes([number]) * 400 * KIB for number in range(4))


def test_flush_stores_full_parts_only(uri: str) -> None:
    with MultipartUploadWriter.from_uri(uri, part_size=64 * KIB) as writer:
        writer.flush()
        writer.write(DATA)
        writer.flush()
        assert not s3dlio.exists(uri)
        writer.write(b"end")
    assert content(uri) == DATA + b"end"


@pytest.mark.parametrize(("abort_on_drop", "stored"), [(None, False), (True, False), (False, True)])
@pytest.mark.parametrize("size", [10, len(DATA)])
def test_dropping(tmp_path: Path, abort_on_drop: bool | None, stored: bool, size: int) -> None:
    writer = MultipartUploadWriter.from_uri(
        f"file://{tmp_path}/new/object", part_size=64 * KIB, abort_on_drop=abort_on_drop
    )
    writer.write(DATA[:size])
    del writer
    gc.collect()
    assert [path.name for path in tmp_path.rglob("*")] == (["new", "object"] if stored else [])


def test_an_exception_inside_aborts(tmp_path: Path) -> None:
    writer = MultipartUploadWriter.from_uri(f"file://{tmp_path}/object", part_size=4 * KIB, abort_on_drop=False)
    with pytest.raises(KeyError), writer:
        fail(writer.write(DATA))
    del writer
    assert list(tmp_path.iterdir()) == []


def fail(_: object) -> None:
    raise KeyError


def test_objects_in_memory_and_their_type() -> None:
    uri = MemBucket().uri("a")
    with MultipartUploadWriter.from_uri(uri, 64 * KIB, 2, "application/x-checkpoint") as writer:
        writer.write(DATA)
    assert s3dlio.stat(uri)["content_type"] == "application/x-checkpoint"
    assert content(uri) == DATA


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(("", "key"), "bucket must be"), (("bucket", ""), "key must be"), ((3, "key"), "bucket must")],
)
def test_bad_places(arguments: tuple[Any, Any], text: str) -> None:
    with pytest.raises(InvalidError, match=text):
        MultipartUploadWriter(*arguments)


@pytest.mark.parametrize(
    ("uri", "options", "text"),
    [
        (3, {}, "URI must be"),
        ("file:///tmp/", {}, "file:///tmp/: the URI names a directory"),
        ("ftp://a/b", {}, "ftp://a/b: unsupported"),
        ("file:///a", {"part_size": 0}, "part_size"),
        ("file:///a", {"max_in_flight": "x"}, "max_in_flight"),
        ("file:///a", {"abort_on_drop": "yes"}, "abort_on_drop"),
    ],
)
def test_bad_input(uri: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises((InvalidError, UnsupportedError, IsADirectoryError), match=text):
        MultipartUploadWriter.from_uri(uri, **options)


@pytest.mark.parametrize("bad", ["5", -1, 1.5, True, 1 << 63, 1 << 64])
def test_bad_numbers_of_bytes(uri: str, bad: Any) -> None:
    with MultipartUploadWriter.from_uri(uri) as writer:
        with pytest.raises(InvalidError, match="reserve takes"):
            writer.reserve(bad)
        with pytest.raises(InvalidError, match=r"commit takes|nothing is reserved"):
            writer.commit(bad)


def test_what_no_memory_can_hold_is_told_and_the_writer_goes_on(uri: str) -> None:
    with MultipartUploadWriter.from_uri(uri) as writer:
        writer.write(b"hello")
        with pytest.raises(InvalidError, match="no memory for"):
            writer.reserve(1 << 62)
        space = writer.reserve(1)
        space[:] = b"!"
        writer.commit(1)
    assert s3dlio.get(uri) == b"hello!"
