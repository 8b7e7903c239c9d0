"""Data for tests and benchmarks: `generate_data`, and `put`, which stores an object or makes many of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any, overload

from s3dlio._native import Op, StreamOptions, has_directories
from s3dlio._native.generator import ALL_BITS, Pattern
from s3dlio._plans import Opener, Steps, all_items, integer, not_huge, one, positive, run
from s3dlio.errors import AlreadyExistsError, InvalidError
from s3dlio.npz import generate_npz_bytes
from s3dlio.operations import put_bytes
from s3dlio.resolve import check_uri
from s3dlio.views import BytesView, blank

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack

    from s3dlio.options import ClientOptions

__all__ = ["generate_data", "put"]

MIB = 1 << 20
GENERATED_SIZE = 20 * MIB
BUDGET = 256 * MIB  # bytes generated at once; one object may be larger
KINDS = ("random", "zeros", "npz")


def generate_data(size: int, dedup: int = 1, compress: int = 1, *, seed: int | None = None) -> BytesView:
    """Make random data.

    Args:
        size: in bytes.
        dedup: how far deduplication can reduce it: one block of 64 KiB in so many is unique, the others repeat it.
        compress: how far compression can: of each 4 KiB, one byte in so many is random, the others are zero.
        seed: the same seed gives the same data. None: different data at each call.

    Raises InvalidError for a wrong type or number.
    """
    length = _size("generate_data: size", size)
    chosen = (int.from_bytes(os.urandom(8), "little") if seed is None else integer("seed", seed)) & ALL_BITS
    pattern = Pattern(length, positive("dedup", dedup), positive("compress", compress), chosen)
    view = blank(length)
    pattern.fill(view)
    return view


@overload
def put(uri: str, data: Buffer, **options: Unpack[ClientOptions]) -> None: ...
@overload
def put(
    prefix: str,
    num: int,
    template: str | None = None,
    max_in_flight: int = 64,
    size: int | None = None,
    should_create_bucket: bool = False,
    object_type: str = "random",
    dedup_factor: int = 1,
    compress_factor: int = 1,
    **options: Unpack[ClientOptions],
) -> list[str]: ...
def put(*args: Any, **keywords: Any) -> list[str] | None:
    """Store an object, as `put_bytes` does; or, given a number, so many objects of generated data.

    Args:
        uri, data: the object. The rest is for generated ones.
        prefix: where they lie; a "/" at its end makes no difference.
        num: how many.
        template: their names, in which the first ``{}`` becomes the number of the object, from 0, and the second one
            `num`. None: ``object-{}``.
        max_in_flight: requests under way at the same time.
        size: bytes each; with "npz" those of its array. None: 20 MiB.
        should_create_bucket: create the bucket (a directory, where there are any) unless it exists.
        object_type: "random", "zeros" or "npz" (`generate_npz_bytes` with dtype "|u1").
        dedup_factor, compress_factor: of random data, as `generate_data` has them; each object is another one.
        options: those of the client.

    Returns None, or the URIs of the generated objects, of which at most 256 MiB are in memory at the same time.

    Raises InvalidError for a wrong argument, before anything is stored.
    """
    number = keywords.get("num", args[1] if len(args) > 1 else None)
    if "num" in keywords or (not isinstance(number, bool) and isinstance(number, Integral)):
        return _put_generated(*args, **keywords)
    put_bytes(*args, **keywords)
    return None


def _put_generated(
    prefix: str,
    num: int,
    template: str | None = None,
    max_in_flight: int = 64,
    size: int | None = None,
    should_create_bucket: bool = False,
    object_type: str = "random",
    dedup_factor: int = 1,
    compress_factor: int = 1,
    **options: Unpack[ClientOptions],
) -> list[str]:
    if object_type not in KINDS:
        raise InvalidError(f"put {prefix}: object_type must be one of {', '.join(KINDS)}, not {object_type!r}")
    length = GENERATED_SIZE if size is None else _size("put: size", size)
    content = partial(
        _content,
        object_type,
        length,
        positive("dedup_factor", dedup_factor),
        positive("compress_factor", compress_factor),
    )
    at_once = max(1, min(positive("max_in_flight", max_in_flight), BUDGET // max(length, 1)))
    uris = _names(prefix, num, template)
    run(options, _store, prefix if should_create_bucket else None, uris, content, at_once)
    return uris


def _store(
    open_stream: Opener, bucket: str | None, uris: list[str], content: Callable[[], Buffer], at_once: int
) -> Steps[None]:
    """Store new content under each URI, `at_once` objects at a time, in `bucket` if it is to be made."""
    if bucket is not None:
        yield from _create_container(open_stream, bucket)
    for at in range(0, len(uris), at_once):
        some = uris[at : at + at_once]
        options = StreamOptions(max_concurrent=at_once)
        yield from all_items(open_stream, Op.PUT, some, memory=[content() for _ in some], options=options)


def _names(prefix: str, num: int, template: str | None) -> list[str]:
    if (count := integer("num", num)) < 0:
        raise InvalidError(f"put {prefix}: num must not be negative, but is {count}")
    pattern = "object-{}" if template is None else template
    if not isinstance(pattern, str) or not pattern:
        raise InvalidError(f"put {prefix}: template must be a str such as 'object-{{}}', not {template!r}")
    base = check_uri(prefix).rstrip("/") + "/"
    uris = [base + pattern.replace("{}", str(i), 1).replace("{}", str(count), 1) for i in range(count)]
    if count > 1 and uris[0] == uris[1]:
        raise InvalidError(f"put {prefix}: template {pattern!r} needs a {{}} for the number of the object")
    return uris


def _content(kind: str, size: int, dedup: int, compress: int) -> Buffer:
    if kind == "zeros":
        return blank(size)
    if kind == "npz":
        return generate_npz_bytes((size,), "|u1")
    return generate_data(size, dedup, compress)


def _create_container(open_stream: Opener, prefix: str) -> Steps[None]:
    try:
        yield from one(open_stream, Op.MKDIR if has_directories(prefix) else Op.CREATE_CONTAINER, prefix)
    except AlreadyExistsError:
        return


def _size(name: str, value: int) -> int:
    if (number := integer(name, value)) < 0:
        raise InvalidError(f"{name} must not be negative, but is {number}")
    return not_huge(name, number)
