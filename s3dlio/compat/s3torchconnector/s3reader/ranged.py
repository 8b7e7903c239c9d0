"""`RangedS3Reader`: reads the ranges of an object that are asked for, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3dlio.compat.s3torchconnector.s3reader.positions import CARRIED, Positioned, wanted_bytes, writable
from s3dlio.compat.s3torchconnector.s3reader.protocol import GetObjectInfo, GetStreamCallable
from s3dlio.compat.s3torchconnector.s3reader.sources import Source

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["DEFAULT_BUFFER_SIZE", "RangedS3Reader"]

DEFAULT_BUFFER_SIZE = 8 * 1024 * 1024


class RangedS3Reader(Positioned):
    """The reader for few and small parts of large objects: a GET for each range, and nothing between them.

    Reads shorter than `buffer_size` (bytes; None: 8 MiB; 0: no buffer) fetch that many, which then serve those that
    follow; longer ones are received where they are wanted.
    """

    def __init__(
        self,
        bucket: str,
        key: str,
        get_object_info: GetObjectInfo,
        get_stream: GetStreamCallable,
        buffer_size: int | None = None,
    ) -> None:
        super().__init__(bucket, key, get_object_info, get_stream)
        self._buffer_size = DEFAULT_BUFFER_SIZE if buffer_size is None else max(0, buffer_size)
        self._enable_buffering = self._buffer_size > 0
        self._buffer: bytearray | bytes | memoryview | None = bytearray() if self._enable_buffering else None
        self._buffer_start = self._buffer_end = 0  # what of the object it has

    def read(self, size: int | None = None) -> bytes:
        """The next `size` bytes, fewer at the end; None or a negative number: all that are left.

        Raises TypeError for what is no int, S3Exception where the object cannot be read.
        """
        wanted = wanted_bytes(size)
        if self._position_at_end():
            return b""
        data = self._bytes(self._position, self._end_of(wanted))
        self._position += len(data)
        return data

    def readinto(self, buf: Buffer) -> int:
        """Fill a writable buffer with the bytes that come next; returns how many, 0 at the end."""
        view = writable(buf)
        if not len(view) or self._position_at_end():
            return 0
        end = self._end_of(len(view))
        kept = self._overlap(self._position, end)
        view[: len(kept)] = kept
        done, start = len(kept), self._position + len(kept)
        if self._is_long(start, end):
            done += self._opened(start, end).readinto(view[done : done + end - start])
        elif start < end:
            self._load(start)
            part = self._overlap(start, end)
            view[done : done + len(part)] = part
            done += len(part)
        self._position += done
        return done

    def __getstate__(self) -> dict[str, Any]:
        """The buffer comes along only if it is small."""
        start, end = self._buffer_start, self._buffer_end
        keeps = end - start <= CARRIED
        held = bytearray(self._overlap(start, end) if keeps else b"") if self._enable_buffering else None
        return {**self.__dict__, "_buffer": held, "_buffer_end": end if keeps else start, "_luggage": None}

    def _bytes(self, start: int, end: int) -> bytes:
        kept = self._overlap(start, end)
        missing = start + len(kept)
        if missing >= end:
            return kept.obj if isinstance(kept.obj, bytes) and len(kept) == len(kept.obj) else bytes(kept)
        if self._is_long(missing, end):
            return self._opened(missing, end).read(end - missing, [kept])
        head = bytes(kept)
        if end < self._get_size():
            self._load(missing)
            return head + self._overlap(missing, end)
        data = self._opened(missing, end).read(end - missing)  # all that a buffer would have: then this is the buffer
        self._buffer, self._buffer_start, self._buffer_end = data, missing, missing + len(data)
        return head + data if head else data

    def _is_long(self, start: int, end: int) -> bool:
        return start < end and end - start >= self._buffer_size

    def _overlap(self, start: int, end: int) -> memoryview:
        """What the buffer has of the bytes `start` to `end`: all of it, or the first of them."""
        if self._buffer is None or not self._buffer_start <= start < self._buffer_end:
            return memoryview(b"")
        return memoryview(self._buffer)[start - self._buffer_start : min(end, self._buffer_end) - self._buffer_start]

    def _load(self, start: int) -> None:
        """Fill the buffer with the bytes from `start` on."""
        end = min(start + self._buffer_size, self._get_size())
        self._buffer_end = self._buffer_start  # should this fail, it has nothing
        if not isinstance(self._buffer, bytearray) or len(self._buffer) < end - start:
            self._buffer = bytearray(end - start)
        got = self._opened(start, end).readinto(memoryview(self._buffer)[: end - start])
        self._buffer_start, self._buffer_end = start, start + got

    def _opened(self, start: int, end: int) -> Source:
        return self._streams.open(start, end, self._get_size())

    def _end_of(self, wanted: int) -> int:
        size = self._get_size()
        return size if wanted < 0 else min(self._position + wanted, size)

    def _description(self) -> dict[str, Any]:
        return {**super()._description(), "buffer_size": self._buffer_size}

    def _receive(self, content: memoryview) -> None:
        self._buffer, self._buffer_start, self._buffer_end, self._size = content, 0, len(content), len(content)

    def _within(self, target: int) -> int:
        return min(target, self._get_size())
