"""`Parts`: the rest of one object, in parts, some of which are under way."""

from __future__ import annotations

from dataclasses import replace

from s3dlio._native import Client, Op, Stream, StreamOptions
from s3dlio.compat.s3torchconnectorclient._exceptions import S3Exception, told
from s3dlio.errors import S3DlioError
from s3dlio.listing import Listing

__all__ = ["Parts"]

AHEAD = 4  # parts under way before they are asked for


class Parts:
    """The bytes of an object from `start` on, `length` of them, all of the version with that ETag."""

    def __init__(
        self, engine: Client, options: StreamOptions, listing: Listing, start: int, length: int, etag: str
    ) -> None:
        size = options.part_size
        offsets = range(start, start + length, size)
        self._stream = Stream(
            engine,
            Op.GET,
            listing,
            order=[0] * len(offsets),
            offsets=offsets,
            lengths=[min(size, start + length - offset) for offset in offsets],
            etags=[etag] * len(offsets),
            options=replace(options, prefetch=AHEAD),
        )

    def take(self) -> memoryview:
        """The next part; empty at the end."""
        try:
            items = self._stream.take(1, 1)
        except S3DlioError as error:
            raise S3Exception(told(error, "get")) from error
        if not items:
            return memoryview(b"")
        (item,) = items
        if item.error is not None:
            raise S3Exception(told(item.error, "get")) from item.error
        assert item.view is not None, "a part that was read has its bytes"
        return memoryview(item.view)

    def close(self) -> None:
        """Stop fetching."""
        self._stream.close()
