"""What a stream is asked to do, written down as the header has it: columns of requests, and options."""

from __future__ import annotations

import functools
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from s3dlio._native.fresh import Fresh, FreshBytes, FreshPart
from s3dlio._native.header import ffi
from s3dlio.errors import InvalidError
from s3dlio.listing import Listing

if TYPE_CHECKING:
    from typing_extensions import Buffer

MIB = 1 << 20


class Op(IntEnum):
    """What a stream does with its requests: s3d_op of the header."""

    GET = 1
    STAT = 2
    PUT = 3
    DELETE = 4
    LIST = 5
    LIST_CONTAINERS = 6
    CREATE_CONTAINER = 7
    DELETE_CONTAINER = 8
    MKDIR = 9
    GET_LISTED = 10
    COPY = 11
    DIAGNOSE = 12


@dataclass(frozen=True)
class StreamOptions:
    """How a stream works: s3d_stream_options of the header. Sizes are in bytes."""

    ordered: bool = True
    recursive: bool = False
    max_concurrent: int = 32
    max_objects: int = 0
    max_inflight_parts: int = 0
    part_size: int = 8 * MIB
    memory_budget: int = 256 * MIB
    prefetch: int = 0
    pattern: str = ""
    shard_index: int = 0
    shard_count: int = 0
    group: int = 0
    tell_etags: bool = False
    fresh_memory: bool = False


class Requests:
    """An s3d_requests and all that it points to.

    Attributes:
        pointer: the s3d_requests.
    """

    def __init__(
        self,
        listing: Listing,
        *,
        order: Iterable[int] | None,
        offsets: Iterable[int] | None,
        lengths: Iterable[int] | None,
        memory: Sequence[Buffer | Fresh] | None,
        writable: bool,
        targets: Listing | None = None,
        etags: Iterable[str] | None = None,
    ) -> None:
        """Lay the columns out; `writable` tells whether the library will write to the memory or read it.

        Raises InvalidError where the columns do not fit together, or the memory cannot be used.
        """
        self.pointer: Any = ffi().new("s3d_requests *")
        self._exports: list[Any] = []
        self._fresh: list[Fresh] = []  # kept until the library writes to them no more
        order = _column(order)
        self._count = len(listing) if order is None else len(order)
        if order and not (min(order) >= 0 and max(order) < len(listing)):
            raise InvalidError(f"the order names entries {min(order)} to {max(order)} of a listing of {len(listing)}")
        self.pointer.count = self._count
        self._put_listing(listing)
        self._put_column("order", order)
        self._put_column("offsets", _column(offsets))
        self._put_column("lengths", _column(lengths))
        if targets is not None:
            self._put_targets(targets)
        if etags is not None:
            self._put_etags(etags)
        if memory is not None:
            self._put_memory(memory, writable)

    def release(self) -> None:
        """End the exports: nothing here may be used any more."""
        for export in self._exports:
            ffi().release(export)
        self._exports.clear()
        self._fresh.clear()

    def _put_listing(self, listing: Listing) -> None:
        base = listing.base.encode("utf-8", "surrogateescape")
        self.pointer.base.ptr = self._lend(base)
        self.pointer.base.len = len(base)
        self.pointer.names = self._lend(listing.names)
        self.pointer.name_ends = self._lend(listing.ends, "int64_t[]")
        self.pointer.sizes = self._lend(listing.sizes, "int64_t[]")

    def _put_targets(self, targets: Listing) -> None:
        if len(targets) != self._count:
            raise InvalidError(f"{self._count} requests, but {len(targets)} targets")
        base = targets.base.encode("utf-8", "surrogateescape")
        self.pointer.target_base.ptr = self._lend(base)
        self.pointer.target_base.len = len(base)
        self.pointer.targets = self._lend(targets.names)
        self.pointer.target_ends = self._lend(targets.ends, "int64_t[]")

    def _put_etags(self, etags: Iterable[str]) -> None:
        try:
            texts = [etag.encode("utf-8", "surrogateescape") for etag in etags]
        except (AttributeError, UnicodeEncodeError) as error:
            raise InvalidError(f"an ETag must be a str as stat has it: {error}") from error
        self._put_column("etag_ends", array("q", accumulate(map(len, texts))))
        self.pointer.etags = self._lend(b"".join(texts))

    def _put_column(self, name: str, column: array[int] | None) -> None:
        if column is None:
            return
        if len(column) != self._count:
            raise InvalidError(f"{self._count} requests, but {len(column)} {name}")
        setattr(self.pointer, name, self._lend(column, "int64_t[]"))

    def _put_memory(self, memory: Sequence[Buffer | Fresh], writable: bool) -> None:
        if len(memory) != self._count:
            raise InvalidError(f"{self._count} requests, but {len(memory)} buffers")
        blocks = [self._block(buffer, writable) for buffer in memory]
        self.pointer.memory = ffi().cast("void *const *", self._lend(array("Q", [address for address, _ in blocks])))
        self._put_column("memory_len", array("q", [length for _, length in blocks]))

    def _block(self, buffer: Buffer | Fresh, writable: bool) -> tuple[int, int]:
        """Address and length of what is lent."""
        if isinstance(buffer, FreshBytes | FreshPart):
            self._fresh.append(buffer)
            return buffer.address, len(buffer)
        try:
            block = self._lend(buffer, writable=writable)
        except (TypeError, ValueError, BufferError) as error:
            kind = "writable, contiguous buffer" if writable else "contiguous bytes-like object"
            raise InvalidError(f"the data must be a {kind}, not {type(buffer).__name__}: {error}") from error
        return int(ffi().cast("uintptr_t", block)), len(block)

    def _lend(self, memory: Any, kind: str = "char[]", writable: bool = False) -> Any:
        export = ffi().from_buffer(kind, memory, require_writable=writable)
        self._exports.append(export)
        return export


def _column(values: Iterable[int] | None) -> array[int] | None:
    if values is None or (isinstance(values, array) and values.typecode == "q"):
        return values
    return array("q", values)


@functools.lru_cache(maxsize=64)
def c_options(op: Op, options: StreamOptions, event_fd: bool) -> tuple[Any, Any]:
    """An s3d_stream_options, which nobody changes, and what it points to."""
    pattern = ffi().from_buffer(options.pattern.encode("utf-8", "surrogateescape"))
    made = ffi().new(
        "s3d_stream_options *",
        {
            "op": op,
            "ordered": options.ordered,
            "recursive": options.recursive,
            "event_fd": event_fd,
            "max_concurrent": options.max_concurrent,
            "max_objects": options.max_objects,
            "max_inflight_parts": options.max_inflight_parts,
            "part_size": options.part_size,
            "memory_budget": options.memory_budget,
            "prefetch": options.prefetch,
            "pattern": {"ptr": pattern, "len": len(pattern)},
            "shard_index": options.shard_index,
            "shard_count": options.shard_count,
            "group": options.group,
            "tell_etags": options.tell_etags,
            "fresh_memory": options.fresh_memory,
        },
    )
    return made, pattern
