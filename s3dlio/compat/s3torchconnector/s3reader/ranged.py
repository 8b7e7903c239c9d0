"""`RangedS3Reader`: reads the ranges of an object that are asked for, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3dlio.compat.s3torchconnector.s3reader.positions import Positioned, wanted_bytes, writable
from s3dlio.compat.s3torchconnector.s3reader.protocol import GetObjectInfo, GetStreamCallable
from s3dlio.compat.s3torchconnector.s3reader.sources import source_of

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
        self._buffer = memoryview(b"")
        self._buffer_start = 0

    def read(self, size: int | None = None) -> bytes:
        """The next `size` bytes, fewer at the end; None or a negative number: all that are left.

        Raises TypeError for what is no int, S3Exception where the object cannot be read.
        """
        wanted = wanted_bytes(size)
        if self._position_at_end():
            return b""
        end = self._end_of(wanted)
        start, kept = self._position, self._overlap(end)
        if start + len(kept) < end:
            more = self._bytes(start + len(kept), end)
            data = bytes(kept) + more if kept else more
        else:
            data = bytes(kept)
        self._position += len(data)
        return data

    def readinto(self, buf: Buffer) -> int:
        """Fill a writable buffer with the bytes that come next; returns how many, 0 at the end."""
        view = writable(buf)
        if not len(view) or self._position_at_end():
            return 0
        end = self._end_of(len(view))
        kept = self._overlap(end)
        view[: len(kept)] = kept
        done, start = len(kept), self._position + len(kept)
        if end - start >= max(1, self._buffer_size):
            done += source_of(self._get_stream(start, end)).readinto(view[done : done + end - start])
        elif start < end:
            part = self._buffered(start, end)
            view[done : done + len(part)] = part
            done += len(part)
        self._position += done
        return done

    def _bytes(self, start: int, end: int) -> bytes:
        if end - start >= max(1, self._buffer_size):
            return source_of(self._get_stream(start, end)).read(end - start)
        return bytes(self._buffered(start, end))

    def _overlap(self, end: int) -> memoryview:
        """What the buffer has of the bytes from here to `end`: all of it, or the first of them."""
        offset = self._position - self._buffer_start
        if not 0 <= offset < len(self._buffer):
            return memoryview(b"")
        return self._buffer[offset : offset + end - self._position]

    def _buffered(self, start: int, end: int) -> memoryview:
        """Bytes of the buffer, which is filled from `start` on."""
        stop = min(start + self._buffer_size, self._get_size())
        self._buffer = memoryview(source_of(self._get_stream(start, stop)).read())
        self._buffer_start = start
        return self._buffer[: end - start]

    def _end_of(self, wanted: int) -> int:
        size = self._get_size()
        return size if wanted < 0 else min(self._position + wanted, size)

    def _within(self, target: int) -> int:
        return min(target, self._get_size())
