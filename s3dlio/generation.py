"""Data for tests and benchmarks: `generate_data`, and what `put` stores where it is given a number of objects."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

from s3dlio._native import Op, StreamOptions
from s3dlio._native.generator import ALL_BITS, Pattern
from s3dlio._plans import Opener, Steps, all_items, integer, one, positive
from s3dlio.errors import AlreadyExistsError, InvalidError
from s3dlio.npz import generate_npz_bytes
from s3dlio.resolve import check_uri
from s3dlio.views import BytesView, blank

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["generate_data", "put_generated"]

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
    chosen = (secrets.randbits(64) if seed is None else integer("seed", seed)) & ALL_BITS
    pattern = Pattern(length, positive("dedup", dedup), positive("compress", compress), chosen)
    view = blank(length)
    pattern.fill(view)
    return view


def put_generated(
    open_stream: Opener,
    prefix: str,
    num: int,
    template: str | None,
    max_in_flight: int,
    size: int | None,
    create_bucket: bool,
    kind: str,
    dedup: int,
    compress: int,
) -> Steps[list[str]]:
    """Store `num` objects of generated data; returns their URIs. `s3dlio.put` says what the arguments mean."""
    uris = _names(prefix, num, template)
    max_in_flight = positive("max_in_flight", max_in_flight)
    length = GENERATED_SIZE if size is None else _size("put: size", size)
    dedup, compress = positive("dedup_factor", dedup), positive("compress_factor", compress)
    if kind not in KINDS:
        raise InvalidError(f"put {prefix}: object_type must be one of {', '.join(KINDS)}, not {kind!r}")
    if create_bucket:
        yield from _create_container(open_stream, prefix)
    options = StreamOptions(max_concurrent=max_in_flight)
    at_once = max(1, min(max_in_flight, BUDGET // max(length, 1)))
    for some in _chunks(uris, at_once):
        data = [_content(kind, length, dedup, compress) for _ in some]
        yield from all_items(open_stream, Op.PUT, some, memory=data, options=options)
    return uris


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
    is_local = prefix.partition("://")[2].startswith("/")
    try:
        yield from one(open_stream, Op.MKDIR if is_local else Op.CREATE_CONTAINER, prefix)
    except AlreadyExistsError:
        return


def _chunks(uris: list[str], length: int) -> Iterator[list[str]]:
    for at in range(0, len(uris), length):
        yield uris[at : at + length]


def _size(name: str, value: int) -> int:
    if (number := integer(name, value)) < 0:
        raise InvalidError(f"{name} must not be negative, but is {number}")
    return number
