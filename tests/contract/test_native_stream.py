"""Streams: what comes out, in which order, which memory they use and for how long."""

from __future__ import annotations

import gc
import io
import json
import mmap
import pickle
import threading
import time
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import s3dlio
from s3dlio._native import Client, Item, Op, Stream, StreamOptions, list_pages
from s3dlio.errors import ClosedError, InvalidError, NotFoundError, UnsupportedError
from s3dlio.listing import Listing
from tests.support.mem import MemBucket, wait_until_idle
from tests.support.samples import Folder


@pytest.fixture
def bucket() -> MemBucket:
    return MemBucket()


@pytest.fixture
def ten(bucket: MemBucket) -> Listing:
    """Objects 0 to 9, each holding its number."""
    return Listing.from_uris([bucket.put(f"key{i}", b"%d" % i) for i in range(10)])


def open_stream(op: Op, listing: Listing, **columns: Any) -> Stream:
    return Stream(Client.get(), op, listing, **columns)


def drain(stream: Stream, *request: int) -> list[Item]:
    items: list[Item] = []
    while more := stream.take(*request):
        items += more
    return items


def contents(items: list[Item]) -> list[bytes]:
    return [bytes(item.view) for item in items if item.view is not None]


def test_items_come_in_order(ten: Listing) -> None:
    with open_stream(Op.GET, ten) as stream:
        items = drain(stream)
        assert stream.finished
        assert stream.take() == []
    assert [item.index for item in items] == list(range(10))
    assert contents(items) == [b"%d" % i for i in range(10)]
    assert [(item.size, item.length, item.error, item.text) for item in items] == [(1, 1, None, "")] * 10


def test_unordered_items_are_all_there_once(ten: Listing) -> None:
    with open_stream(Op.GET, ten, options=StreamOptions(ordered=False)) as stream:
        items = drain(stream)
    assert sorted(item.index for item in items) == list(range(10))
    assert all(bytes(item.view or b"") == b"%d" % item.index for item in items)


def test_order_and_ranges(ten: Listing) -> None:
    order = [9, 0, 9, 5]
    with open_stream(Op.GET, ten, order=order) as stream:
        assert contents(drain(stream)) == [b"%d" % i for i in order]
    with open_stream(Op.GET, ten, order=iter(order), offsets=array("q", [0, 1, 0, 0]), lengths=[-1, 1, 0, 5]) as stream:
        assert contents(drain(stream)) == [b"9", b"", b"", b"5"]


def test_wanted_and_capacity(ten: Listing) -> None:
    with open_stream(Op.GET, ten) as stream:
        sizes = [len(stream.take(3, 4)) for _ in range(4)]
        assert sum(sizes) == 10
        assert all(3 <= size <= 4 for size in sizes[:2])
        assert stream.take(3, 4) == []
    with open_stream(Op.GET, ten) as stream:
        assert len(stream.take(10, 10)) == 10
    with open_stream(Op.GET, ten) as stream:
        assert len(stream.take(100, 100)) == 10
    with open_stream(Op.GET, ten) as stream:
        assert [item.index for _ in range(10) for item in stream.take(5, 1)] == list(range(10))


def test_take_ready_does_not_wait(ten: Listing) -> None:
    items: list[Item] = []
    with open_stream(Op.GET, ten) as stream:
        while not stream.finished:
            items += stream.take_ready(3)
        assert stream.take_ready() == []
    assert contents(items) == [b"%d" % i for i in range(10)]


def test_no_requests_are_finished_at_once() -> None:
    with open_stream(Op.GET, Listing.from_uris([])) as stream:
        assert stream.take() == []
        assert stream.finished


def test_errors_are_items_at_their_place(ten: Listing, bucket: MemBucket) -> None:
    uris = [ten.uri(0), bucket.uri("missing"), "other://x/y", ten.uri(1)]
    with open_stream(Op.GET, Listing.from_uris(uris)) as stream:
        items = drain(stream)
    assert contents(items) == [b"0", b"1"]
    assert isinstance(items[1].error, NotFoundError)
    assert items[1].error.uri == bucket.uri("missing")
    assert items[1].view is None
    assert isinstance(items[2].error, UnsupportedError)


def test_the_error_of_a_listing_comes_after_what_was_found(folder: Folder) -> None:
    uris = [folder.put("there"), folder.uri("missing/")]
    with open_stream(Op.GET_LISTED, Listing.from_uris(uris)) as stream:
        (item,) = stream.take()
        assert item.text == uris[0]
        with pytest.raises(NotFoundError):
            stream.take()
        assert stream.take() == []
        assert stream.finished


def test_texts(bucket: MemBucket) -> None:
    uri = bucket.uri("ünï cödé")
    with open_stream(Op.PUT, Listing.from_uris([uri]), memory=[b"hello"]) as stream:
        (item,) = stream.take()
    assert json.loads(item.text)["size"] == item.size == 5
    assert item.view is None
    with open_stream(Op.GET_LISTED, Listing.from_uris([bucket.uri()]), options=StreamOptions(recursive=True)) as stream:
        assert [(i.text, bytes(i.view or b"")) for i in drain(stream)] == [(uri, b"hello")]


def test_pages(bucket: MemBucket) -> None:
    for i in range(2500):
        bucket.put(f"a/{i:04d}", b"x" * (i % 3))
    pages = list(list_pages(Client.get(), bucket.uri("a/"), True))
    listing = Listing.joined(pages)
    assert len(pages) > 1
    assert listing.uris() == [bucket.uri(f"a/{i:04d}") for i in range(2500)]
    assert list(listing.sizes) == [i % 3 for i in range(2500)]
    times = [time for page in pages for time in page.mtimes_ns or ()]
    assert len(times) == 2500
    assert all(times)
    assert all(etag for page in pages for etag in page.etags or ("",))
    assert [page.storage_classes for page in pages] == [("",) * len(page) for page in pages]
    wait_until_idle()


def test_storage_classes_of_pages(bucket: MemBucket) -> None:
    classes = ["COLD", "", "HOT", "COLD"]
    for i, name in enumerate(classes):
        with s3dlio.create_writer(bucket.uri(f"a/{i}"), storage_class=name) as writer:
            writer.write(b"x")
    bucket.put("a/z/below")
    (page,) = list_pages(Client.get(), bucket.uri("a/"))
    assert page.storage_classes == (*classes, "")
    assert page.etags is not None
    assert page.etags[4] == ""
    assert page.select([4, 0]).storage_classes == pickle.loads(pickle.dumps(page.select([4, 0]))).storage_classes
    assert page.select([4, 0]).storage_classes == ("", "COLD")
    for i in (0, 3):
        (page,) = list_pages(Client.get(), bucket.uri(f"a/{i}"))
        assert page.storage_classes == ("COLD",)


def test_pages_of_one_storage_class_share_it(bucket: MemBucket) -> None:
    for i in range(2000):
        bucket.put(f"{i:04d}")
    first, second = list_pages(Client.get(), bucket.uri())
    assert first.storage_classes is second.storage_classes


# Memory of the caller


def as_bytearray(size: int) -> Any:
    return bytearray(size)


def as_array(size: int) -> Any:
    return array("b", bytes(size))


def as_numpy(size: int) -> Any:
    return np.zeros(size, np.uint8)


def as_slice(size: int) -> Any:
    return memoryview(bytearray(size + 2))[1:-1]


def as_mapping(size: int) -> Any:
    return mmap.mmap(-1, size)


@pytest.mark.parametrize("make", [as_bytearray, as_array, as_numpy, as_slice, as_mapping])
def test_any_writable_buffer_is_read_into_and_stored(bucket: MemBucket, make: Callable[[int], Any]) -> None:
    uri = bucket.put("key", b"hello")
    target = make(5)
    with open_stream(Op.GET, Listing.from_uris([uri]), memory=[target]) as stream:
        (item,) = stream.take()
        assert (item.view, item.length, item.size) == (None, 5, 5)
    assert bytes(memoryview(target).cast("B")) == b"hello"
    memoryview(target).cast("B")[0] = ord("j")
    bucket.put("copy", target)
    with open_stream(Op.GET, Listing.from_uris([bucket.uri("copy")])) as stream:
        assert contents(drain(stream)) == [b"jello"]


def test_a_larger_target_is_filled_at_its_beginning_and_a_smaller_one_refused(bucket: MemBucket) -> None:
    listing = Listing.from_uris([bucket.put("key", b"hello")])
    target = bytearray(b"........")
    with open_stream(Op.GET, listing, memory=[target]) as stream:
        assert [item.length for item in drain(stream)] == [5]
    assert target == b"hello..."
    with open_stream(Op.GET, listing, memory=[bytearray(4)]) as stream:
        assert [type(item.error) for item in drain(stream)] == [InvalidError]


def test_the_caller_gets_his_memory_back_when_the_stream_ends(bucket: MemBucket) -> None:
    target, source = bytearray(5), io.BytesIO(b"hello")
    with open_stream(Op.PUT, Listing.from_uris([bucket.uri("key")]), memory=[source.getbuffer()]) as put:
        with pytest.raises(BufferError):
            source.write(b"more than there was")
        drain(put)
        source.write(b"more than there was")
    with open_stream(Op.GET, Listing.from_uris([bucket.uri("key")]), memory=[target]) as get:
        drain(get)
    target.extend(b"resizable again")
    assert target.startswith(b"hello")


@pytest.mark.parametrize(
    ("op", "memory", "text"),
    [
        (Op.GET, [b"read-only"], "writable, contiguous buffer, not bytes"),
        (Op.GET, [memoryview(bytearray(10))[::2]], "contiguous"),
        (Op.PUT, [memoryview(bytearray(10))[::2]], "contiguous"),
        (Op.PUT, ["text"], "bytes-like object, not str"),
        (Op.PUT, [5], "bytes-like object, not int"),
        (Op.PUT, [b"1", b"2"], "1 requests, but 2 buffers"),
    ],
)
def test_memory_that_cannot_be_used(bucket: MemBucket, op: Op, memory: list[Any], text: str) -> None:
    with pytest.raises(InvalidError, match=text):
        open_stream(op, Listing.from_uris([bucket.uri("key")]), memory=memory)


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"order": [0, 10]}, "names entries 0 to 10 of a listing of 10"),
        ({"order": [-1]}, "names entries -1"),
        ({"offsets": [0]}, "10 requests, but 1 offsets"),
        ({"order": [1, 2], "lengths": [0] * 10}, "2 requests, but 10 lengths"),
        ({"options": StreamOptions(max_concurrent=0)}, "max_concurrent"),
        ({"options": StreamOptions(memory_budget=-1)}, "memory_budget"),
    ],
)
def test_columns_that_do_not_fit(ten: Listing, columns: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidError, match=text):
        open_stream(Op.GET, ten, **columns)


def test_a_refused_stream_keeps_no_memory(bucket: MemBucket) -> None:
    target = bytearray(5)
    listing = Listing.from_uris([bucket.uri("key")])
    with pytest.raises(InvalidError):
        open_stream(Op.GET, listing, memory=[target], options=StreamOptions(max_concurrent=0))
    target.extend(b"resizable")


# The end


def test_close_drops_what_was_not_taken(ten: Listing) -> None:
    stream = open_stream(Op.GET, ten)
    assert len(stream.take(1, 1)) == 1
    stream.close()
    stream.close()
    with pytest.raises(ClosedError, match="closed"):
        stream.take()
    with pytest.raises(ClosedError):
        stream.take_ready()
    wait_until_idle()


def test_a_dropped_stream_is_closed(ten: Listing) -> None:
    stream = open_stream(Op.GET, ten)
    stream.take(1, 1)
    del stream
    gc.collect()
    wait_until_idle()


def test_a_stream_taken_to_its_end_needs_no_close(ten: Listing) -> None:
    stream = open_stream(Op.GET, ten)
    drain(stream)
    wait_until_idle()
    stream.close()


def test_close_from_another_thread_ends_the_wait(ten: Listing, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = threading.Event()
    outcome: list[object] = []
    stream = open_stream(Op.GET, ten)

    def nothing_comes(*_: object) -> None:
        waiting.set()
        time.sleep(0.01)

    monkeypatch.setattr(stream, "_next", nothing_comes)

    def take() -> None:
        try:
            outcome.append(stream.take())
        except ClosedError as error:
            outcome.append(error)

    thread = threading.Thread(target=take)
    thread.start()
    assert waiting.wait(30)
    stream.close()
    thread.join(30)
    assert not thread.is_alive()
    assert isinstance(outcome[0], ClosedError)


def test_several_threads_may_take_from_one_stream(ten: Listing) -> None:
    stream = open_stream(Op.GET, ten, order=list(range(10)) * 500)
    taken: list[list[Item]] = [[] for _ in range(4)]

    def take(mine: list[Item]) -> None:
        mine += drain(stream, 1, 7)

    threads = [threading.Thread(target=take, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    indices = sorted(item.index for mine in taken for item in mine)
    assert indices == list(range(5000))
    assert all(bytes(item.view or b"") == b"%d" % (item.index % 10) for mine in taken for item in mine)
