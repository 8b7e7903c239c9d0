"""Listings: the pages that a stream of Op.LIST delivers."""

from __future__ import annotations

import functools
import re
from array import array
from collections.abc import Iterator
from typing import Any

from s3dlio._native.client import Client
from s3dlio._native.exporter import LibraryView
from s3dlio._native.header import ffi
from s3dlio._native.requests import Op, StreamOptions
from s3dlio._native.stream import Item, Stream
from s3dlio.listing import Listing, Restore

PAGES = 16  # taken at once


def list_pages(
    client: Client, uri: str, recursive: bool = False, pattern: str | re.Pattern[str] | None = None
) -> Iterator[Listing]:
    """Yield what lies at `uri`, a page at a time and in the order of the store, with times, ETags and storage classes.

    Args:
        client: whom to ask.
        uri: a prefix, directory or file.
        recursive: also what is deeper; else common prefixes stand for it, with a trailing "/" and size -1.
        pattern: a glob, compared with the name, or where it has a "/" with the path below the prefix; or a compiled
            regular expression, searched for in that path.

    Raises what the store answers, such as NotFoundError for a missing bucket or directory.
    """
    with Stream(client, Op.LIST, Listing.from_uris([uri]), options=listing_options(recursive, pattern)) as stream:
        while items := stream.take(1, PAGES):
            for item in items:
                yield page_of(item, uri, pattern)


def listing_options(recursive: bool, pattern: str | re.Pattern[str] | None = None) -> StreamOptions:
    """The options of a stream that lists."""
    return StreamOptions(recursive=recursive, pattern=pattern if isinstance(pattern, str) else "")


def page_of(item: Item, uri: str, pattern: str | re.Pattern[str] | None = None) -> Listing:
    """The page in an item of a stream that lists `uri`. Raises its error."""
    if item.error is not None:
        raise item.error
    assert isinstance(item.view, LibraryView), "an item of a listing is a page"
    page = _decoded(ffi().cast("s3d_page *", item.view._address))
    scheme = uri.find("://") + len("://")
    page.base = uri[:scheme] + page.base[scheme:]  # in the letters that the caller uses
    if not isinstance(pattern, re.Pattern):
        return page
    return page.select(i for i, found in enumerate(page.uris()) if pattern.search(_below(uri, found)))


def _below(prefix: str, uri: str) -> str:
    """The path of a URI below the directory that the prefix names or lies in: what patterns are compared with."""
    directory = prefix.rstrip("/") + "/"
    if not uri.startswith(directory):
        directory = prefix[: prefix.rfind("/") + 1]
    return uri[len(directory) :]


def _decoded(page: Any) -> Listing:
    count = page.count
    ends, etag_ends = _column(page.name_ends, count), _column(page.etag_ends, count)
    etags = _text(page.etags, etag_ends[-1] if count else 0)
    starts = [0, *etag_ends[:-1]]
    return Listing(
        _text(page.base.ptr, page.base.len),
        bytes(ffi().buffer(page.names, ends[-1])) if count else b"",
        ends,
        _column(page.sizes, count),
        _column(page.mtimes_ns, count),
        tuple(etags[start:end] for start, end in zip(starts, etag_ends, strict=True)) if etags else ("",) * count,
        _storage_classes(page),
        _restores(page),
    )


def _storage_classes(page: Any) -> tuple[str, ...]:
    ends = _column(page.class_ends, page.class_count)
    text = _text(page.classes, ends[-1])
    classes = [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    if not page.class_of:
        return _all_of(classes[0], page.count)
    return tuple(map(classes.__getitem__, _column(page.class_of, page.count)))


def _restores(page: Any) -> dict[int, Restore]:
    columns = _column(page.restored, page.restored_count), _column(page.restored_until, page.restored_count)
    return {
        i: {"in_progress": until < 0, "expiry": until if until > 0 else None} for i, until in zip(*columns, strict=True)
    }


@functools.lru_cache(maxsize=16)  # the pages of a long listing share theirs
def _all_of(storage_class: str, count: int) -> tuple[str, ...]:
    return (storage_class,) * count


def _column(address: Any, count: int) -> array[int]:
    column = array("q")
    if count:
        column.frombytes(ffi().buffer(address, 8 * count))
    return column


def _text(address: Any, length: int) -> str:
    return bytes(ffi().buffer(address, length)).decode("utf-8", "surrogateescape") if length else ""
