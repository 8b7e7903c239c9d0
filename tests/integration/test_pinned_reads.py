"""Reads that are pinned to an ETag, across streams: one version of an object, or a ChangedError."""

from __future__ import annotations

from typing import Any

import pytest

import s3dlio
from s3dlio._native import Client, Item, Op, Stream, StreamOptions, list_pages
from s3dlio.errors import ChangedError, InvalidError
from s3dlio.listing import Listing
from tests.support.mem import MemBucket
from tests.support.samples import Store

PART = 64 << 10
SIZE = 5 * PART // 2
TELLING = StreamOptions(part_size=PART, tell_etags=True)


def read(uris: list[str], **columns: Any) -> list[Item]:
    with Stream(Client.get(), Op.GET, Listing.from_uris(uris), options=TELLING, **columns) as stream:
        return stream.take(len(uris), len(uris))


def data(item: Item) -> bytes:
    assert item.error is None, item.error
    return bytes(item.view or b"")


def test_a_later_stream_reads_the_same_version_or_fails(place: Store) -> None:
    old, new = b"o" * SIZE, b"n" * SIZE
    uri = place.put("object", old)
    (first,) = read([uri], offsets=[0], lengths=[10])
    etag = first.text
    assert data(first) == old[:10]
    assert etag == s3dlio.stat(uri)["etag"]
    assert [etag] == [each for page in list_pages(Client.get(), uri) for each in page.etags or ()]
    (whole,) = read([uri], etags=[etag])
    assert (data(whole), whole.text) == (old, etag)
    s3dlio.put(uri, new)
    ranges = {"offsets": [0, 100, PART, SIZE, 0], "lengths": [-1, 10, PART, -1, 0]}
    for item in read([uri] * 5, etags=[etag] * 5, **ranges):
        assert isinstance(item.error, ChangedError)
        assert item.error.uri == uri
    (unpinned,) = read([uri], etags=[""])
    assert data(unpinned) == new
    items = read([uri] * 5, etags=[unpinned.text] * 5, **ranges)
    assert [data(item) for item in items] == [new, new[:10], new[:PART], b"", b""]
    assert {item.text for item in items} == {unpinned.text}


def test_into_memory_of_the_caller(place: Store) -> None:
    uri = place.put("object", b"x" * SIZE)
    target = bytearray(SIZE)
    (item,) = read([uri], memory=[target])
    assert target == b"x" * SIZE
    s3dlio.put(uri, b"y" * SIZE)
    (again,) = read([uri], memory=[bytearray(SIZE)], etags=[item.text])
    assert isinstance(again.error, ChangedError)


def test_neighbouring_ranges_keep_their_own_pins(place: Store) -> None:
    uri = place.put("object", b"0123456789")
    etag = s3dlio.stat(uri)["etag"]
    items = read([uri] * 3, offsets=[0, 2, 4], lengths=[2, 2, 2], etags=[etag, "no-such-etag", ""])
    assert [data(items[0]), data(items[2])] == [b"01", b"45"]
    assert isinstance(items[1].error, ChangedError)


def test_what_cannot_be_pinned() -> None:
    place = MemBucket()
    uri = place.put("key", b"data")
    listing = Listing.from_uris([uri])
    (item,) = read([uri], etags=['"quoted"'])
    with pytest.raises(InvalidError, match="without quotes"):
        raise item.error or AssertionError
    with pytest.raises(InvalidError, match="1 requests, but 2 etag_ends"):
        Stream(Client.get(), Op.GET, listing, etags=["a", "b"])
    with pytest.raises(InvalidError, match="must be a str"):
        Stream(Client.get(), Op.GET, listing, etags=[None])  # type: ignore[list-item]
    with pytest.raises(InvalidError, match="only reads"):
        Stream(Client.get(), Op.STAT, listing, etags=["a"])
    with pytest.raises(InvalidError, match="tell ETags"):
        Stream(Client.get(), Op.GET_LISTED, listing, options=TELLING)
