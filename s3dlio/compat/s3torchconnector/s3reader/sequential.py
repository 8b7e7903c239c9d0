"""`SequentialS3Reader`: reads an object once, from its beginning, and keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from s3dlio.compat.s3torchconnector.s3reader.pieces import Pieces
from s3dlio.compat.s3torchconnector.s3reader.positions import Positioned, wanted_bytes, writable
from s3dlio.compat.s3torchconnector.s3reader.protocol import GetObjectInfo, GetStreamCallable
from s3dlio.compat.s3torchconnector.s3reader.sources import Source, source_of
from s3dlio.compat.s3torchconnectorclient._get_object_stream import GetObjectStream

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["SequentialS3Reader"]

_DIRECT = 1 << 20  # bytes from which on a read has a piece of its own, so that it is not copied out of a larger one


class SequentialS3Reader(Positioned):
    """The reader for most purposes: any access, one GET.

    The object is fetched as far as it is needed, a large one in concurrent parts, and kept until the reader is gone:
    going back costs no request. ``read()`` of it all returns the very bytes that were received into.
    """

    def __init__(self, bucket: str, key: str, get_object_info: GetObjectInfo, get_stream: GetStreamCallable) -> None:
        super().__init__(bucket, key, get_object_info, get_stream)
        self._stream: Iterable[bytes] | None = None
        self._source: Source | None = None
        self._pieces = Pieces()  # what was read, from the first byte on

    def prefetch(self) -> None:
        """Open the stream; what is read later comes from it."""
        self._opened()

    def read(self, size: int | None = None) -> bytes:
        """The next `size` bytes, fewer at the end; None or a negative number: all that are left.

        Raises TypeError for what is no int, S3Exception where the object cannot be read.
        """
        wanted = wanted_bytes(size)
        if wanted == 0 or self._position_at_end():
            return b""
        start = self._position
        end = self._hold(start + wanted if wanted > 0 else None)
        self._position = max(start, end)
        return self._pieces.between(start, end)

    def readinto(self, buf: Buffer) -> int:
        """Fill a writable buffer with the bytes that come next; returns how many, 0 at the end."""
        view = writable(buf)
        if not len(view) or self._position_at_end():
            return 0
        self._hold(self._position + len(view))
        done = self._pieces.copy(self._position, view)
        self._position += done
        return done

    def _within(self, target: int) -> int:
        if self._size_costs_nothing():
            return min(target, self._get_size())
        return self._hold(target)

    def _hold(self, end: int | None) -> int:
        """Fetch up to byte `end`, or all; returns where what is held, and wanted, ends."""
        held = self._pieces
        if end is None:
            if self._size is None or len(held) < self._size:
                held.append_view(self._opened().read())
                self._size = len(held)
            return len(held)
        while len(held) < end and (self._size is None or len(held) < self._size):
            missing = end - len(held)
            piece = self._opened().read(missing) if missing >= _DIRECT else self._opened().next_piece()
            if not piece:
                self._size = len(held)
            held.append_view(piece)
        return min(end, len(held))

    def _opened(self) -> Source:
        if self._source is None:
            self._stream = self._get_stream()
            self._source = source_of(self._stream)
            if isinstance(self._source, GetObjectStream) and self._size_costs_nothing():
                self._source.expect(self._get_size())
        return self._source
