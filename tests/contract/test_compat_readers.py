"""Readers of the drop-in, on objects in memory: what they return, what they ask for, what they keep, how they fail."""

from __future__ import annotations

import copy
import gzip
import io
import pickle
import threading
import zipfile
from collections.abc import Callable, Iterator
from io import SEEK_CUR, SEEK_END
from typing import Any

import pytest

from s3dlio.compat.s3torchconnector.s3reader import RangedS3Reader, S3Reader, SequentialS3Reader, sequential
from s3dlio.compat.s3torchconnectorclient._mountpoint_s3_client import GetObjectStream, ObjectInfo, S3Exception
from s3dlio.errors import ChangedError
from tests.support.mem import held
from tests.support.readers import BUCKET, KINDS, PART, MemoryClient, content, walk


@pytest.fixture
def client() -> MemoryClient:
    """A client of an empty bucket in memory."""
    return MemoryClient()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_listed", [False, True], ids=["size unknown", "listed"])
@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART, 20 * PART])
def test_a_reader_is_a_file(client: MemoryClient, kind: str, is_listed: bool, size: int) -> None:
    data = content(size)
    for seed in range(8):
        walk(client.reader(data, kind, is_listed=is_listed), data, 40, seed)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_lines_and_archives(client: MemoryClient, kind: str) -> None:
    lines = [f"line {i} ä\n" for i in range(300)]
    text = "".join(lines).encode()
    assert list(io.TextIOWrapper(client.reader(text, kind), "utf-8")) == lines  # type: ignore[type-var]
    assert list(client.reader(text, kind)) == text.splitlines(keepends=True)
    assert io.BufferedReader(client.reader(text, kind)).read() == text
    assert gzip.GzipFile(fileobj=client.reader(gzip.compress(text), kind)).read() == text
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        writing.writestr("name", text)
    assert zipfile.ZipFile(client.reader(archive.getvalue(), kind)).read("name") == text


@pytest.mark.parametrize("kind", KINDS)
def test_looking_ahead_does_not_move(client: MemoryClient, kind: str) -> None:
    reader = client.reader(b"0123456789", kind)
    reader.seek(3)
    assert reader.peek(1)[:1] == b"3"  # type: ignore[attr-defined]
    assert (reader.tell(), reader.read(2)) == (3, b"34")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_asked_for_before_it_is_needed(client: MemoryClient, kind: str) -> None:
    reader = client.get_object(BUCKET, "missing", reader_constructor=KINDS[kind])
    assert (reader.bucket, reader.key, reader.tell(), reader.closed) == (BUCKET, "missing", 0, False)
    assert (client.streams, client.heads) == ([], 0)


def test_a_sequential_reader_has_one_stream_and_asks_for_no_size(client: MemoryClient) -> None:
    data = content(5 * PART + 3)
    reader = client.reader(data)
    assert b"".join(iter(lambda: reader.read(333), b"")) == data
    reader.seek(1)
    assert reader.read() == data[1:]
    assert (client.streams, client.heads) == ([(None, None)], 0)


def test_the_size_of_a_listing_spares_the_question(client: MemoryClient) -> None:
    for kind in KINDS:
        reader = client.reader(b"0123456789", kind, is_listed=True)
        assert reader.seek(-3, SEEK_END) == 7
        assert reader.read() == b"789"
    assert client.heads == 0
    reader = client.reader(b"0123456789")
    assert [reader.seek(0, SEEK_END), reader.seek(-1, SEEK_END)] == [10, 9]
    assert client.heads == 1


@pytest.mark.parametrize("wrong", [0, 5, 15, 5 * PART])
def test_a_listing_that_is_out_of_date_costs_no_data(client: MemoryClient, wrong: int) -> None:
    client.add_object("key", b"0123456789")
    old = ObjectInfo("key", "", wrong, 0)
    assert client.get_object(BUCKET, "key", object_info=old).read() == b"0123456789"
    reader = client.get_object(BUCKET, "key", object_info=old)
    assert b"".join(iter(lambda: reader.read(3), b"")) == b"0123456789"


@pytest.mark.parametrize(
    ("reads", "streams"),
    [
        ([(0, 50)], [(0, 300)]),  # a buffer is filled
        ([(0, 50), (50, 250)], [(0, 300)]),
        ([(0, 50), (250, 350)], [(0, 300), (300, 600)]),  # what it has is not asked for again
        ([(0, 50), (299, 700)], [(0, 300), (300, 700)]),
        ([(0, 300)], [(0, 300)]),  # long enough to go past it
        ([(0, 300), (0, 50)], [(0, 300), (0, 300)]),
        ([(100, 150), (50, 150)], [(100, 400), (50, 350)]),
        ([(900, 950), (910, 1000)], [(900, 1000)]),  # no further than the end
        ([(900, 1000), (900, 1000)], [(900, 1000)]),
        ([(900, 900)], []),
    ],
)
def test_which_ranges_are_asked_for(
    client: MemoryClient, reads: list[tuple[int, int]], streams: list[tuple[int, int]]
) -> None:
    data = content(1000)
    for with_memory in (False, True):
        client.streams.clear()
        reader = client.reader(data, "ranged, small buffer")
        for start, end in reads:
            reader.seek(start)
            memory = bytearray(end - start)
            got = memory[: reader.readinto(memory)] if with_memory else reader.read(end - start)
            assert got == data[start:end]
        assert client.streams == streams


def test_what_was_received_is_what_is_returned(client: MemoryClient) -> None:
    client = MemoryClient(part_size=1 << 20)
    data = content(3 << 20)
    for kind, is_listed in (("sequential", True), ("sequential", False), ("ranged", True)):
        before = held()
        reader = client.reader(data, kind, is_listed=is_listed)
        first = reader.read()
        reader.seek(0)
        assert first == data
        assert reader.read() is first
        assert held() == before  # none of it lies in a buffer of the library
    reader = client.reader(data)
    assert reader.read(4) == data[:4]
    rest = reader.read()
    assert rest == data[4:]
    reader.seek(4)
    assert reader.read() is rest


@pytest.mark.parametrize("kind", KINDS)
def test_bad_input(client: MemoryClient, kind: str) -> None:
    reader = client.reader(b"0123456789", kind)
    reader.seek(2)
    calls: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: reader.read(1.5), TypeError, "argument should be integer or None, not <class 'float'>"),  # type: ignore[arg-type]
        (lambda: reader.seek("1"), TypeError, "integer argument expected, got <class 'str'>"),  # type: ignore[arg-type]
        (lambda: reader.seek(0, "1"), TypeError, "integer argument expected, got <class 'str'>"),  # type: ignore[arg-type]
        (lambda: reader.seek(-3), ValueError, "negative seek value -3"),
        (lambda: reader.seek(-3, SEEK_CUR), ValueError, "negative seek value -1"),
        (lambda: reader.seek(-13, SEEK_END), ValueError, "negative seek value -3"),
        (lambda: reader.seek(0, 7), ValueError, "Seek must be passed SEEK_CUR, SEEK_SET, or SEEK_END"),
    ]
    calls += [
        (lambda bad=bad: reader.readinto(bad), TypeError, _not_writable(bad))  # type: ignore[misc]
        for bad in (b"bytes", memoryview(b"view"), "text", 7, None)
    ]
    for call, kind_of_error, message in calls:
        with pytest.raises(kind_of_error) as caught:
            call()
        assert str(caught.value) == message
        assert reader.tell() == 2
    assert reader.read() == b"23456789"


def _not_writable(bad: object) -> str:
    return f"argument must be a writable bytes-like object, not {type(bad).__name__}"


@pytest.mark.parametrize("kind", [SequentialS3Reader, RangedS3Reader])
@pytest.mark.parametrize("bucket", ["", None])
def test_a_bucket_is_needed(kind: Callable[..., S3Reader], bucket: Any) -> None:
    with pytest.raises(ValueError, match=r"^Bucket should be specified$"):
        kind(bucket, "key", None, None)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_beyond_all_memory_are_no_request_for_memory(client: MemoryClient, kind: str) -> None:
    assert client.reader(b"0123456789", kind).read(1 << 60) == b"0123456789"
    assert client.reader(b"0123456789", kind).seek(1 << 60) == 10


@pytest.mark.parametrize("kind", KINDS)
def test_buffers_of_any_shape(client: MemoryClient, kind: str) -> None:
    reader = client.reader(bytes(range(12)), kind)
    memory = bytearray(12)
    assert reader.readinto(memoryview(memory).cast("i", [3, 1])) == 12
    assert memory == bytes(range(12))
    assert reader.readinto(bytearray()) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_missing_is_told_at_the_first_byte(client: MemoryClient, kind: str) -> None:
    reader = client.get_object(BUCKET, "missing", reader_constructor=KINDS[kind])
    expected = "key does not exist" if kind == "sequential" else "object was not found"
    for _ in range(2):
        with pytest.raises(S3Exception, match=rf"^Service error: The {expected}$"):
            reader.read(1)
    client.add_object("missing", b"here")
    assert reader.read() == b"here"


@pytest.mark.parametrize("kind", KINDS)
def test_one_reader_has_one_version(client: MemoryClient, kind: str) -> None:
    old, new = content(9 << 20, 1), content(9 << 20, 2)
    reader = client.reader(old, kind)
    assert reader.read(10) == old[:10]
    client.add_object("key", new)
    for _ in range(2):
        with pytest.raises(S3Exception, match="changed") as caught:
            reader.read()
        assert isinstance(caught.value.__cause__, ChangedError)
        assert reader.tell() == 10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [2 * PART, 2 << 20])
@pytest.mark.parametrize("way", ["pickle", "copy", "deepcopy"])
def test_a_pickled_reader_goes_on_where_it_was(client: MemoryClient, kind: str, size: int, way: str) -> None:
    data = content(size)
    ways: dict[str, Callable[[S3Reader], S3Reader]] = {
        "pickle": lambda reader: pickle.loads(pickle.dumps(reader)),
        "copy": copy.copy,
        "deepcopy": copy.deepcopy,
    }
    for used in (0, 10, PART + 1, size, -1):
        reader = client.reader(data, kind)
        reader.read(used)
        text = pickle.dumps(reader)
        assert len(text) < 10_000 + (size if size <= 1 << 20 else 0)
        again = ways[way](reader)
        assert (again.bucket, again.key, again.tell()) == (BUCKET, "key", reader.tell())
        assert again.read() == reader.read()
        again.seek(0)
        assert again.read() == data


def test_a_small_object_comes_along(client: MemoryClient) -> None:
    for kind in ("sequential", "ranged"):
        reader = client.reader(b"0123456789", kind)
        reader.read()
        again = pickle.loads(pickle.dumps(reader))
        client.remove_object("key")
        again.seek(0)
        assert again.read() == b"0123456789"


def test_a_pickled_reader_keeps_to_the_version(client: MemoryClient) -> None:
    for kind in KINDS:
        reader = client.reader(content(2 << 20, 1), kind)
        reader.read(10)
        again = pickle.loads(pickle.dumps(reader))
        client.add_object("key", content(2 << 20, 2))
        with pytest.raises(S3Exception, match="changed"):
            again.read(3 * PART)


@pytest.mark.parametrize("kind", KINDS)
def test_a_closed_reader_can_be_read(client: MemoryClient, kind: str) -> None:
    with client.reader(b"0123456789", kind) as reader:
        assert (reader.read(3), reader.closed) == (b"012", False)
    assert reader.closed
    assert reader.read(3) == b"345"
    assert (reader.seekable(), reader.readable(), reader.writable()) == (True, True, False)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_with_readers_of_one_client(client: MemoryClient, kind: str) -> None:
    data = [content(5 * PART + i, i) for i in range(8)]
    for i, each in enumerate(data):
        client.add_object(f"key-{i}", each)
    got: list[bytes] = [b""] * len(data)

    def read(i: int) -> None:
        reader = client.get_object(BUCKET, f"key-{i}", reader_constructor=KINDS[kind])
        got[i] = b"".join(iter(lambda: reader.read(777), b""))

    threads = [threading.Thread(target=read, args=[i]) for i in range(len(data))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == data


def test_streams_may_be_any_iterators() -> None:
    data = content(1000)

    def stream(start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return (data[at : min(at + 7, end or 1000)] for at in range(start, end or 1000, 7))

    info = ObjectInfo("key", "", len(data), 0)
    for kind in KINDS.values():
        for seed in range(5):
            walk(kind("bucket", "key", lambda: info, stream), data, 40, seed)  # type: ignore[arg-type]


def test_an_iterator_that_fails_does_not_end() -> None:
    def stream() -> Iterator[bytes]:
        yield b"0123"
        raise S3Exception("it broke")

    reader = SequentialS3Reader("bucket", "key", lambda: ObjectInfo("key", "", 9, 0), lambda *_: stream())
    assert reader.read(2) == b"01"
    for _ in range(2):
        with pytest.raises(S3Exception, match="it broke"):
            reader.read()
    assert reader.tell() == 2
    assert reader.read(2) == b"23"


def _less_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a part were 8 MiB."""
    for name, size in (("_MANY", 8 * PART), ("_MUCH", PART), ("_LEAST", 100)):
        monkeypatch.setattr(sequential, name, size)


@pytest.mark.parametrize("is_listed", [False, True])
def test_what_is_left_out_and_what_goes_straight_to_its_place(
    client: MemoryClient, is_listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _less_is_much(monkeypatch)
    data = content(60 * PART)
    for seed in range(40):
        walk(client.reader(data, is_listed=is_listed), data, 20, seed)


def test_the_end_of_a_large_object_needs_only_itself(client: MemoryClient, monkeypatch: pytest.MonkeyPatch) -> None:
    _less_is_much(monkeypatch)
    data = content(60 * PART)
    reader = client.reader(data)
    reader.seek(-10, SEEK_END)
    assert reader.read() == data[-10:]
    assert client.streams[1:] == [(60 * PART - 10, None)]
    reader.seek(5)
    memory = bytearray(20 * PART)
    assert reader.readinto(memory) == len(memory)
    assert memory == data[5 : 5 + len(memory)]
    assert reader.read(10) == data[reader.tell() - 10 : reader.tell()]
    assert client.streams[2:] == [(5, 20 * PART + 5), (20 * PART + 5, 20 * PART + 105)]


def test_an_interrupt_amid_a_fetch_of_unknown_length_loses_no_byte(
    client: MemoryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = content(20 * PART)
    reader = client.reader(data)
    get, calls = GetObjectStream._get, iter(range(100))

    def interrupted(self: GetObjectStream, *arguments: Any) -> Any:
        if next(calls) == 1:  # the first part is there, and tells that there are more
            raise KeyboardInterrupt
        return get(self, *arguments)

    monkeypatch.setattr(GetObjectStream, "_get", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reader.seek(15 * PART)
    assert reader.tell() == 0
    assert reader.read() == data


def test_an_object_that_has_grown_fills_a_buffer(client: MemoryClient) -> None:
    reader = client.reader(content(2 * PART), is_listed=True)
    client.add_object("key", content(5 * PART, 1))
    buffer = bytearray(6 * PART)
    assert reader.readinto(buffer) == 5 * PART
    assert buffer[: 5 * PART] == content(5 * PART, 1)
    assert reader.read() == b""
