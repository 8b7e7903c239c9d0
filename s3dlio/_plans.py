"""The operations, each written once for plain calls and for asyncio.

A plan is a generator: it yields a stream together with the number of items it wants of it, and is sent those that
came; what it returns is the result. `run` and `run_async` wait for the items, each in its own way.
"""

from __future__ import annotations

import json
import operator
import re
import sys
from array import array
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from s3dlio._native import Client, Item, Op, Stream, StreamOptions, has_directories, listing_options, page_of
from s3dlio.errors import InvalidError, IsDirectoryError, NotFoundError
from s3dlio.listing import Listing
from s3dlio.options import for_client
from s3dlio.views import BytesView

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from s3dlio.options import ClientOptions

Result = TypeVar("Result")
P = ParamSpec("P")
Steps = Generator[tuple[Stream, int], list[Item], Result]
Opener = Callable[..., Stream]  # opens a stream of a client, on whose items the plan can wait
Pattern = str | re.Pattern[str] | None
MANY = 64  # items taken at once where all are needed
PAGES = 16  # pages of a listing taken at once
SETTLING = 0.005  # seconds between two looks
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def client_for(options: Mapping[str, Any]) -> Client:
    """The client of the options that a function was given. Raises InvalidError where they are wrong."""
    return Client.get(for_client(options).client_config()) if options else Client.get()


def run(
    options: ClientOptions, plan: Callable[Concatenate[Opener, P], Steps[Result]], *args: P.args, **kwargs: P.kwargs
) -> Result:
    """Carry out a plan with the client of these options; blocks."""
    steps, items = plan(partial(Stream, client_for(options)), *args, **kwargs), None
    try:
        while True:
            stream, wanted = next(steps) if items is None else steps.send(items)
            items = stream.take(wanted, wanted)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        steps.close()


async def run_async(
    options: ClientOptions, plan: Callable[Concatenate[Opener, P], Steps[Result]], *args: P.args, **kwargs: P.kwargs
) -> Result:
    """Carry out a plan in asyncio. Cancelling the task stops the requests."""
    steps, items = plan(partial(Stream, client_for(options), event_fd=True), *args, **kwargs), None
    stream: Stream | None = None
    try:
        while True:
            stream, wanted = next(steps) if items is None else steps.send(items)
            items = await stream.take_async(wanted, wanted)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    except BaseException as error:
        steps.close()
        if stream is not None and not isinstance(error, GeneratorExit):  # with that nobody waits any more
            await _settled(stream)
        raise


async def _settled(stream: Stream) -> None:
    """Wait until the library uses no memory of the caller. What cancels the task meanwhile has cancelled it already."""
    import asyncio

    while not stream.is_settled():
        try:
            await asyncio.sleep(SETTLING)
        except asyncio.CancelledError:
            continue


def one(open_stream: Opener, op: Op, uri: str, /, **columns: Any) -> Steps[Item]:
    """The item of a single request. Raises its error."""
    with open_stream(op, Listing.from_uris([uri]), **columns) as stream:
        (item,) = yield stream, 1
    if item.error is not None:
        raise item.error
    return item


def get(open_stream: Opener, uri: str, offset: int, length: int | None) -> Steps[BytesView]:
    """Read an object, or a range of one."""
    offset = not_negative("offset", offset, uri)
    length = -1 if length is None else not_negative("length", length, uri)
    item = yield from one(open_stream, Op.GET, uri, offsets=[offset], lengths=[length])
    return _view(item)


def get_many(open_stream: Opener, uris: Iterable[str], max_in_flight: int) -> Steps[list[tuple[str, BytesView]]]:
    """Read many objects."""
    uris = _list_of("uris", uris)
    options = StreamOptions(max_concurrent=positive("max_in_flight", max_in_flight))
    items = yield from all_items(open_stream, Op.GET, uris, options=options)
    return [(uri, _view(item)) for uri, item in zip(uris, items, strict=True)]


def get_many_stats(open_stream: Opener, uris: Iterable[str], max_in_flight: int) -> Steps[tuple[int, int]]:
    """Read many objects, and keep none."""
    uris = _list_of("uris", uris)
    sizes = array("q")
    options = StreamOptions(max_concurrent=positive("max_in_flight", max_in_flight))
    yield from use_items(
        lambda items: sizes.extend([item.length for item in items]), open_stream, Op.GET, uris, options=options
    )
    return len(sizes), sum(sizes)


def put(open_stream: Opener, uri: str, data: Buffer) -> Steps[None]:
    """Store an object."""
    yield from one(open_stream, Op.PUT, uri, memory=[data])


def put_many(open_stream: Opener, objects: Iterable[tuple[str, Buffer]], max_in_flight: int) -> Steps[None]:
    """Store many objects."""
    pairs = [_pair(each) for each in _list_of("objects", objects)]
    options = StreamOptions(max_concurrent=positive("max_in_flight", max_in_flight))
    yield from all_items(
        open_stream, Op.PUT, [uri for uri, _ in pairs], memory=[data for _, data in pairs], options=options
    )


def all_items(open_stream: Opener, op: Op, uris: Sequence[str], **columns: Any) -> Steps[list[Item]]:
    """The items of many requests, in their order. Raises the first error in that order, and stops the others."""
    done: list[Item] = []
    yield from use_items(done.extend, open_stream, op, uris, **columns)
    return done


def use_items(
    use: Callable[[list[Item]], object], open_stream: Opener, op: Op, uris: Sequence[str], /, **columns: Any
) -> Steps[None]:
    """Give the items of many requests to `use`, as they come; otherwise `all_items`."""
    with open_stream(op, Listing.from_uris(uris), **columns) as stream:
        while items := (yield stream, MANY):
            for item in items:
                if item.error is not None:
                    raise item.error
            use(items)


def stat(open_stream: Opener, uri: str) -> Steps[dict[str, Any]]:
    """Describe an object."""
    item = yield from one(open_stream, Op.STAT, uri)
    return _described(item)


def _described(item: Item) -> dict[str, Any]:
    found = json.loads(item.text)
    mtime_ns = found.get("mtime_ns")
    return {
        "size": found["size"],
        "last_modified": mtime_ns and (EPOCH + timedelta(microseconds=mtime_ns // 1000)).isoformat(),
        "etag": found.get("etag"),
        "content_type": found.get("content_type"),
        "metadata": found.get("metadata", {}),
        "is_dir": found.get("is_dir", False),
        "storage_class": found.get("storage_class"),
        "restore": (restore := found.get("restore")) and {"expiry": None, **restore},
    }


def stat_many(open_stream: Opener, uris: Iterable[str], max_in_flight: int) -> Steps[list[dict[str, Any]]]:
    """Describe many objects."""
    uris = _list_of("uris", uris)
    options = StreamOptions(max_concurrent=positive("max_in_flight", max_in_flight))
    items = yield from all_items(open_stream, Op.STAT, uris, options=options)
    return [_described(item) for item in items]


def exists(open_stream: Opener, uri: str) -> Steps[bool]:
    """Tell whether there is an object."""
    try:
        yield from one(open_stream, Op.STAT, uri)
    except NotFoundError:
        return False
    return True


def pages(open_stream: Opener, uri: str, recursive: bool, pattern: Pattern = None) -> Steps[list[Listing]]:
    """All pages of a listing."""
    found: list[Listing] = []
    options = listing_options(recursive, pattern)
    with open_stream(Op.LIST, Listing.from_uris([uri]), options=options) as stream:
        while items := (yield stream, PAGES):
            found += [page_of(item, uri, pattern) for item in items]
    return found


def list_uris(open_stream: Opener, uri: str, recursive: bool, pattern: Pattern) -> Steps[list[str]]:
    """The URIs of a listing."""
    found = yield from pages(open_stream, uri, recursive, pattern)
    return [each for page in found for each in page.uris()]


def list_containers(open_stream: Opener, uri: str) -> Steps[list[str]]:
    """The URIs of the buckets of a service."""
    found: list[Listing] = []
    with open_stream(Op.LIST_CONTAINERS, Listing.from_uris([uri])) as stream:
        while items := (yield stream, PAGES):
            found += [page_of(item, uri) for item in items]
    return [f"{name.rstrip('/')}/" for page in found for name in page.uris()]


def delete(open_stream: Opener, uri: str, recursive: bool) -> Steps[None]:
    """Delete an object, or a tree."""
    if not recursive:
        yield from one(open_stream, Op.DELETE, uri)
    elif has_directories(uri):
        yield from _delete_directory(open_stream, uri)
    else:
        yield from _delete_prefix(open_stream, uri)


def _delete_prefix(open_stream: Opener, uri: str) -> Steps[None]:
    prefix = Listing.from_uris([uri.rstrip("/") + "/"])
    with open_stream(Op.LIST, prefix, options=listing_options(recursive=True)) as stream:
        while items := (yield stream, 1):
            for item in items:
                yield from all_items(open_stream, Op.DELETE, page_of(item, uri).uris())
    if not uri.endswith("/") and "/" in uri.partition("://")[2]:
        yield from one(open_stream, Op.DELETE, uri)


def _delete_directory(open_stream: Opener, uri: str) -> Steps[None]:
    """Level by level, for a listing follows links and this must not: a link to a directory goes, its target stays."""
    emptied, waiting = [], [uri]
    while waiting:
        directory = waiting.pop()
        emptied.append(directory)
        for page in (yield from pages(open_stream, directory, False)):
            entries = [entry.rstrip("/") for entry in page.uris()]
            with open_stream(Op.DELETE, Listing.from_uris(entries)) as stream:
                while items := (yield stream, MANY):
                    waiting += [entries[item.index] for item in items if _is_full_directory(item)]
    for directory in reversed(emptied):
        yield from one(open_stream, Op.DELETE, directory.rstrip("/"))


def _is_full_directory(item: Item) -> bool:
    if item.error is not None and not isinstance(item.error, IsDirectoryError):
        raise item.error
    return item.error is not None


def _view(item: Item) -> BytesView:
    assert item.view is not None, "an item of GET without an error has its bytes"
    return item.view


def not_negative(name: str, value: int, uri: str) -> int:
    if (number := integer(name, value)) < 0:
        raise InvalidError(f"get {uri}: {name} must not be negative, but is {number}", op="get", uri=uri)
    return not_huge(name, number)


def positive(name: str, value: int) -> int:
    if (number := integer(name, value)) < 1:
        raise InvalidError(f"{name} must be at least 1, not {number}")
    return not_huge(name, number)


def not_huge(name: str, number: int) -> int:
    if number > sys.maxsize:
        raise InvalidError(f"{name} must be at most {sys.maxsize}, not {number}")
    return number


def integer(name: str, value: int) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise InvalidError(f"{name} must be an int, not {value!r} ({type(value).__name__})") from None


def _pair(value: Any) -> tuple[str, Any]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise InvalidError(f"objects must be pairs of a URI and data, and not have one {type(value).__name__}")
    return value[0], value[1]


def _list_of(name: str, values: Iterable[Any]) -> list[Any]:
    if isinstance(values, (str, bytes)):
        raise InvalidError(f"{name} must be a list, not one {type(values).__name__} ({values!r})")
    try:
        return list(values)
    except TypeError:
        raise InvalidError(f"{name} must be a list, not {values!r} ({type(values).__name__})") from None
