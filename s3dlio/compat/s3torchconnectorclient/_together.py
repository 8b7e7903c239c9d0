"""Several whole objects fetched with one stream of the library, into memory that is there."""

from __future__ import annotations

from collections.abc import Sequence

from s3dlio._native import Op, Stream
from s3dlio.compat.s3torchconnectorclient._get_object_stream import GetObjectStream
from s3dlio.listing import Listing

__all__ = ["fetch_together"]


def fetch_together(streams: Sequence[GetObjectStream], memory: Sequence[memoryview]) -> list[bool]:
    """Fill each memory with the object of a stream, of which nothing has been read.

    Returns by stream whether that succeeded: not where the object has another length than the memory, or cannot be
    read, which reading from the stream will say why. All streams are of one client.
    """
    if not streams:
        return []
    ahead = streams[0].ahead
    done = [False] * len(streams)
    with Stream(
        ahead.engine,
        Op.GET,
        Listing.joined([stream.listing for stream in streams]),
        lengths=[max(1, len(part)) for part in memory],
        memory=[part if len(part) else memoryview(bytearray(1)) for part in memory],
        etags=[stream.etag for stream in streams],
        options=ahead.options,
    ) as under_way:
        while items := under_way.take(1, len(streams)):
            for item in items:
                done[item.index] = item.error is None and item.length == item.size == len(memory[item.index])
    return done
