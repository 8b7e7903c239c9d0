"""The reader of distributed checkpoints' items, on objects in memory, and its constructor."""

from __future__ import annotations

import copy
import pickle
import random
import time
from collections.abc import Callable, Iterator, Sequence
from io import SEEK_CUR, SEEK_END
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from s3dlio._native import memory_stats
from s3dlio.compat.s3torchconnector._s3client import S3Client
from s3dlio.compat.s3torchconnector.s3reader import (
    DCPOptimizedConstructor,
    DCPOptimizedS3Reader,
    DCPS3ReaderConstructorProtocol,
    ItemRange,
    S3ReaderConstructor,
    SequentialS3Reader,
)
from s3dlio.compat.s3torchconnector.s3reader.dcp_optimized import FALLBACK_GUIDANCE, FIND_ITEM_ERROR_PREFIX
from s3dlio.compat.s3torchconnectorclient._mountpoint_s3_client import S3Exception
from s3dlio.compat.s3torchconnectorclient._uris import parse_s3_uri
from s3dlio.errors import ChangedError
from tests.support.mem import held, wait_until_idle
from tests.support.readers import BUCKET, REGION, MemoryClient, content

Spans = Sequence[tuple[int, int]]
INF = float("inf")


@pytest.fixture
def client() -> MemoryClient:
    """A client of an empty bucket in memory."""
    return MemoryClient()


def reader_of(client: MemoryClient, items: Spans, max_gap_size: Any = INF, key: str = "key") -> DCPOptimizedS3Reader:
    """A reader of these items of an object that is there."""

    def stream(start: int | None = None, end: int | None = None) -> Any:
        return client._get_object_stream(BUCKET, key, start, end)

    ranges = [ItemRange(start, end) for start, end in items]
    return DCPOptimizedS3Reader(BUCKET, key, ranges, None, stream, max_gap_size)  # type: ignore[arg-type]


def plan(*items: tuple[str, int, int]) -> tuple[list[Any], dict[Any, Any]]:
    """What DCP says of items: (file, offset, length)."""
    stored = [SimpleNamespace(relative_path=file, offset=offset, length=length) for file, offset, length in items]
    return [SimpleNamespace(storage_index=i) for i in range(len(items))], dict(enumerate(stored))


@pytest.mark.parametrize("max_gap_size", [0, 50, 3000, INF])
@pytest.mark.parametrize("seed", range(4))
def test_items_in_their_order(client: MemoryClient, max_gap_size: float, seed: int) -> None:
    chance = random.Random(seed)
    edges = sorted(chance.sample(range(100_000), 200))
    items = list(zip(edges[::2], edges[1::2], strict=True))
    data = content(100_000)
    client.add_object("key", data)
    reader = reader_of(client, items, max_gap_size)
    for start, end in items:
        for _ in range(chance.randint(1, 4)):
            first = chance.randint(start, end - 1)
            last = chance.randint(first + 1, end)
            reader.seek(first - reader.tell(), SEEK_CUR)
            memory = bytearray(last - first)
            got = reader.read(last - first) if chance.random() < 0.5 else memory[: reader.readinto(memory)]
            assert got == data[first:last]
            assert reader.tell() == last
    gaps = [after[0] - before[1] for before, after in pairwise(items)]
    assert len(client.streams) == 1 + sum(gap > max_gap_size for gap in gaps)
    assert client.streams[0][0] == items[0][0]
    assert client.streams[-1][1] == items[-1][1]
    assert client.heads == 0


def test_a_stream_is_opened_when_its_first_item_is_read(client: MemoryClient) -> None:
    client.add_object("key", content(200))
    reader = reader_of(client, [(0, 10), (15, 15), (15, 25), (110, 120)], 10)
    assert client.streams == []
    for at in (0, 5, 15, 20):
        reader.seek(at)
        reader.read(3)
        assert client.streams == [(0, 25)]
    reader.seek(110)
    reader.read(1)
    assert client.streams == [(0, 25), (110, 120)]


INVALID: list[tuple[Spans, Any, type[Exception], str]] = [
    ([], 1, ValueError, "item_ranges must be a non-empty List[ItemRange] object"),
    ([(5, 5)], 1, ValueError, "No non-empty ranges to read (all ranges were length 0)"),
    ([(-1, 5)], 1, ValueError, "Invalid range: -1-5"),
    ([(0, 5), (10, 5)], 1, ValueError, "Invalid range: 10-5"),
    ([(10, 20), (5, 10)], 1, ValueError, "Unsorted ranges: 10-20 and 5-10"),
    ([(0, 10), (5, 15)], 1, ValueError, "Overlapping ranges: 0-10 and 5-15"),
    ([(0, 10)], -1, ValueError, "max_gap_size must be non-negative"),
    ([(0, 10)], "1", TypeError, "max_gap_size must be int or float, got str"),
    ([(0, 10)], None, TypeError, "max_gap_size must be int or float, got NoneType"),
]


@pytest.mark.parametrize(("items", "max_gap_size", "kind", "message"), INVALID)
def test_ranges_that_are_none(
    client: MemoryClient, items: Spans, max_gap_size: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        reader_of(client, items, max_gap_size)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("bucket", "key", "message"),
    [("", "key", "Bucket should be specified"), ("bucket", None, "Key should be specified")],
)
def test_names_are_needed(bucket: str, key: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        DCPOptimizedS3Reader(bucket, key, [ItemRange(0, 1)], None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "at", "size", "message"),
    [
        ([], 20, 5, "Range 20-25 not contained in current item 0-10."),
        ([0], 5, 10, "Range 5-15 not contained in current item 0-10."),
        ([0, 20], 5, 5, "Range 5-10 not contained in current item 20-30."),
        ([0, 20], 35, 5, "Range 35-40 not contained in last item with range 20-30."),
        ([0], 12, 6, "Range 12-18 not contained in current item 0-10 nor the next item 20-30."),
        ([0], 25, 10, "Range 25-35 not contained in current item 0-10 nor the next item 20-30."),
    ],
)
def test_reading_out_of_order_is_refused_and_nothing_is_lost(
    client: MemoryClient, before: list[int], at: int, size: int, message: str
) -> None:
    data = content(40)
    client.add_object("key", data)
    reader = reader_of(client, [(0, 10), (20, 30)])
    for place in before:
        reader.seek(place)
        assert reader.read(1) == data[place : place + 1]
    reader.seek(at)
    for call in (lambda: reader.read(size), lambda: reader.readinto(bytearray(size))):
        with pytest.raises(ValueError, match="Range") as caught:
            call()
        assert str(caught.value) == f"{FIND_ITEM_ERROR_PREFIX}{message}\n{FALLBACK_GUIDANCE}"
        assert reader.tell() == at
    for place in [20] if before else [0, 20]:
        reader.seek(place)
        assert reader.read(10) == data[place : place + 10]


def test_bad_input(client: MemoryClient) -> None:
    client.add_object("key", content(10))
    reader = reader_of(client, [(0, 10)])
    reader.seek(3)
    guided = f"; full read not supported.\n{FALLBACK_GUIDANCE}"
    calls: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: reader.read(), ValueError, f"Size cannot be None{guided}"),
        (lambda: reader.read(-1), ValueError, f"Size cannot be negative{guided}"),
        (lambda: reader.read("5"), TypeError, "argument should be integer or None, not <class 'str'>"),  # type: ignore[arg-type]
        (lambda: reader.seek(1.5), TypeError, "integer argument expected, got <class 'float'>"),  # type: ignore[arg-type]
        (lambda: reader.seek(0, SEEK_END), ValueError, "whence must be SEEK_CUR or SEEK_SET integers"),
        (lambda: reader.seek(0, "0"), ValueError, "whence must be SEEK_CUR or SEEK_SET integers"),  # type: ignore[arg-type]
        (lambda: reader.seek(-1), ValueError, "negative seek value -1"),
        (lambda: reader.seek(-4, SEEK_CUR), ValueError, "negative seek value -1"),
        (lambda: reader.readinto("a"), TypeError, "argument must be a writable bytes-like object, not str"),  # type: ignore[arg-type]
        (lambda: reader.readinto(b"a"), TypeError, "argument must be a writable bytes-like object, not bytes"),
        (lambda: reader.readinto(b"a"), AssertionError, "argument must be a writable bytes-like object, not bytes"),
    ]
    for call, kind, message in calls:
        with pytest.raises(kind) as caught:
            call()
        assert str(caught.value) == message
        assert reader.tell() == 3
    assert (reader.read(0), reader.readinto(bytearray())) == (b"", 0)
    assert client.streams == []


@pytest.mark.parametrize(("size", "until"), [(50, "before reaching"), (100, "while reading"), (120, "while reading")])
def test_an_object_that_ends_before_its_items(client: MemoryClient, size: int, until: str) -> None:
    data = content(size)

    def pieces(start: int, end: int) -> Iterator[bytes]:
        return (data[at : min(at + 7, end)] for at in range(start, min(end, size), 7))

    client.add_object("key", data)
    items = [(0, 20), (100, 150)]
    foreign = DCPOptimizedS3Reader(BUCKET, "key", [ItemRange(*item) for item in items], None, pieces, 100)  # type: ignore[arg-type]
    for reader in (foreign, reader_of(client, items)):
        assert reader.read(20) == data[:20]
        reader.seek(100)
        with pytest.raises(ValueError, match=rf"^S3 stream exhausted at position {size} {until} item 100-150$"):
            reader.read(50)


def test_what_fails_can_be_tried_again(client: MemoryClient) -> None:
    reader = reader_of(client, [(0, 10), (2000, 2010)])
    for _ in range(2):
        with pytest.raises(S3Exception, match=r"^Service error: The key does not exist$"):
            reader.read(5)
    data = content(3000)
    client.add_object("key", data)
    assert reader.read(10) == data[:10]
    reader.seek(2000)
    assert reader.read(10) == data[2000:2010]


@pytest.mark.parametrize("max_gap_size", [0, INF])
def test_all_items_are_of_one_version(client: MemoryClient, max_gap_size: float) -> None:
    size = 1 << 20
    items = [(i * size, (i + 1) * size - 100_000) for i in range(10)]
    client = MemoryClient(part_size=size)
    old = content(10 * size, 1)
    client.add_object("key", old)
    reader = reader_of(client, items, max_gap_size)
    reader._streams._get_stream = _few_bytes_ahead(reader._streams._get_stream, 1 << 20)
    assert reader.read(5) == old[:5]
    client.add_object("key", content(10 * size, 2))
    with pytest.raises(S3Exception, match="changed") as caught:
        _read_all(reader, items[1:], old)
    assert isinstance(caught.value.__cause__, ChangedError)


def _read_all(reader: DCPOptimizedS3Reader, items: Spans, data: bytes) -> None:
    for start, end in items:
        reader.seek(start)
        assert reader.read(end - start) == data[start:end]


def _few_bytes_ahead(get_stream: Any, budget: int) -> Any:
    """Streams that fetch no more than so many bytes ahead."""

    def opened(start: int, end: int) -> Any:
        stream = get_stream(start, end)
        stream._options = stream._options.__class__(part_size=1 << 20, tell_etags=True, memory_budget=budget)
        return stream

    return opened


def test_only_the_current_item_is_kept(client: MemoryClient) -> None:
    client = MemoryClient(part_size=1 << 20)
    client.add_object("key", content(8 << 20))
    wait_until_idle()
    items = [(i << 20, (i + 1) << 20) for i in range(8)]
    reader = reader_of(client, items)
    for start, _ in items:
        reader.seek(start)
        reader.read(1)
        assert held() == 1
    reader.close()
    wait_until_idle()


def test_what_is_fetched_ahead_is_bounded() -> None:
    client = MemoryClient(part_size=1 << 20)
    client.add_object("key", content(64 << 20))
    wait_until_idle()
    reader = reader_of(client, [(i << 20, (i + 1) << 20) for i in range(64)])
    reader._streams._get_stream = _few_bytes_ahead(reader._streams._get_stream, 4 << 20)
    reader.read(1)
    in_use = 0
    while in_use < 4 << 20:  # what was taken, and three or four more
        time.sleep(0.001)
        in_use = memory_stats()["buffers"]["in_use"]
        assert in_use <= 6 << 20
    reader.close()
    wait_until_idle()


def test_a_closed_reader_stops_and_cannot_be_read(client: MemoryClient) -> None:
    client.add_object("key", content(1000))
    with reader_of(client, [(0, 10), (20, 30)]) as reader:
        assert (reader.read(1), reader.closed) == (content(1000)[:1], False)
    assert reader.closed
    for call in (lambda: reader.read(1), lambda: reader.readinto(bytearray(1))):
        with pytest.raises(ValueError, match=r"^I/O operation on closed file\.$"):
            call()
    wait_until_idle()


def test_pickled_in_the_middle(client: MemoryClient) -> None:
    data = content(5000)
    client.add_object("key", data)
    constructor = S3ReaderConstructor.dcp_optimized(INF)
    constructor._item_ranges_by_file = {f"s3://{BUCKET}/key": [ItemRange(i, i + 500) for i in range(0, 5000, 1000)]}
    reader = client.get_object(BUCKET, "key", reader_constructor=pickle.loads(pickle.dumps(constructor)))
    for start in (0, 1000, 2000):
        reader.seek(start + 7)
        reader.read(3)
    for again in (pickle.loads(pickle.dumps(reader)), copy.copy(reader), copy.deepcopy(reader)):
        assert again.tell() == 2010
        assert again.read(10) == data[2010:2020]
        again.seek(3000)
        assert again.read(500) == data[3000:3500]
        again.seek(2000)
        with pytest.raises(ValueError, match="not contained in current item 3000-3500"):
            again.read(1)


def test_the_constructor_is_one_and_takes_over_a_plan() -> None:
    constructor = S3ReaderConstructor.dcp_optimized(7)
    assert isinstance(constructor, DCPOptimizedConstructor)
    assert isinstance(constructor, DCPS3ReaderConstructorProtocol)
    assert S3ReaderConstructor.get_reader_type_string(constructor) == "dcp_optimized"
    constructor.set_item_ranges_by_file(
        *plan(("a.distcp", 0, 5), ("b/c.distcp", 5, 5), ("a.distcp", 9, 1)), "s3://b/k/"
    )
    assert constructor._item_ranges_by_file == {
        "s3://b/k/a.distcp": [ItemRange(0, 5), ItemRange(9, 10)],
        "s3://b/k/b/c.distcp": [ItemRange(5, 10)],
    }
    reader = constructor("b", "k/a.distcp", None, None)  # type: ignore[arg-type]
    assert isinstance(reader, DCPOptimizedS3Reader)
    assert isinstance(constructor("b", "k/.metadata", None, None), SequentialS3Reader)  # type: ignore[arg-type]
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        constructor("b", "k/other", None, None)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "No ranges found for s3://b/k/other. Make sure range injection is used in "
        f"'S3StorageReader.prepare_local_plan'.\n{FALLBACK_GUIDANCE}"
    )
    with pytest.raises(ValueError, match="storage_data must not be empty"):
        constructor.set_item_ranges_by_file([object()], {}, "s3://b/k")  # type: ignore[list-item]
    constructor.set_item_ranges_by_file([], {}, "s3://b/k")
    assert constructor._item_ranges_by_file == {}


@pytest.mark.parametrize("wrong", [-1, "1", None, [1]])
def test_the_constructor_checks_its_gap(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="max_gap_size must be"):
        S3ReaderConstructor.dcp_optimized(wrong)


@pytest.mark.parametrize("scheme", ["file", "direct"])
def test_files_of_other_schemes(tmp_path: Path, scheme: str) -> None:
    data = content(30_000)
    (tmp_path / "ä.distcp").write_bytes(data)
    constructor = S3ReaderConstructor.dcp_optimized()
    items = plan(("ä.distcp", 10, 100), ("ä.distcp", 20_000, 10_000))
    constructor.set_item_ranges_by_file(*items, f"{scheme.upper()}://{tmp_path}")
    bucket, key = parse_s3_uri(f"{scheme}://{tmp_path}/ä.distcp")
    reader = S3Client(REGION).get_object(bucket, key, reader_constructor=constructor)
    for start, end in ((10, 110), (20_000, 30_000)):
        reader.seek(start)
        assert reader.read(end - start) == data[start:end]
