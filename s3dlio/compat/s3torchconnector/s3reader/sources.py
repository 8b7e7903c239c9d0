"""Where readers get their bytes from: streams of the drop-in's client, or whatever iterators a program has instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from s3dlio.compat.s3torchconnector.s3reader.protocol import GetStreamCallable
from s3dlio.compat.s3torchconnectorclient._get_object_stream import GetObjectStream
from s3dlio.compat.s3torchconnectorclient._objects import HeadObjectResult, ObjectInfo

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Known", "Source", "Streams"]

Info = ObjectInfo | HeadObjectResult


class Known:
    """A `get_object_info` that makes no request, because somebody has asked before."""

    def __init__(self, info: Info) -> None:
        self.info = info

    def __call__(self) -> Info:
        """What is known."""
        return self.info


class Source(Protocol):
    """Bytes in order."""

    def next_piece(self, wanted: int = 0) -> Buffer:
        """The bytes that come next, as many as come together; empty at the end. `wanted`: how many one needs."""
        ...

    def read(self, size: int = -1, after: Sequence[memoryview] = ()) -> bytes:
        """The bytes in `after`, and behind them the next `size`, fewer at the end; all where it is negative."""
        ...

    def readinto(self, memory: Buffer, /) -> int:
        """Fill `memory` with the next bytes; returns how many."""
        ...

    def goes_straight(self, size: int) -> bool:
        """Whether `readinto` of so many bytes copies none of them."""
        ...

    def ranges(self, wanted: Sequence[tuple[int, int]]) -> Iterator[list[memoryview]]:
        """The bytes of ranges of the object, (start, end), none of which begins before `tell()` or another ends.

        Each in the pieces that it comes in; what is missing lies behind the end of the object.
        """
        ...

    def tell(self) -> int:
        """Offset in the object of the byte that comes next."""
        ...


class Streams:
    """Opens streams of one object. All have the version of which the first bytes came, also after pickling.

    Attributes:
        last: what `get_stream` has returned last, or None.
    """

    def __init__(self, get_stream: GetStreamCallable) -> None:
        self.last: Iterable[bytes] | None = None
        self._get_stream = get_stream
        self._etag = ""

    def open(self, start: int | None = None, end: int | None = None, size: int | None = None) -> Source:
        """A stream of all, or of the bytes `start` to `end`. `size` is that of the object, as far as one knows."""
        etag = self._version()
        self.last = stream = self._get_stream() if start is None else self._get_stream(start, end)
        if not isinstance(stream, GetObjectStream):
            return _Pieces(iter(stream), start or 0)
        if etag:
            stream.pin(etag)
        if size is not None:
            stream.expect(size)
        return stream

    def _version(self) -> str:
        if isinstance(self.last, GetObjectStream):
            self._etag = self.last.etag
        return self._etag

    def __getstate__(self) -> dict[str, Any]:
        return {"last": None, "_get_stream": self._get_stream, "_etag": self._version()}


class _Pieces:
    """A `Source` of the pieces of an iterator."""

    def __init__(self, pieces: Iterator[bytes], start: int) -> None:
        self._pieces = pieces
        self._position = start
        self._left = memoryview(b"")
        self._failure: Exception | None = None

    def next_piece(self, wanted: int = 0) -> memoryview:
        piece, self._left = self._left, memoryview(b"")
        while not piece:
            following = self._next()
            if following is None:
                break
            piece = memoryview(following)
        self._position += len(piece)
        return piece

    def read(self, size: int = -1, after: Sequence[memoryview] = ()) -> bytes:
        return b"".join([*after, *self._up_to(size)])

    def readinto(self, memory: Buffer, /) -> int:
        view, done = memoryview(memory).cast("B"), 0
        for piece in self._up_to(len(view)):
            view[done : done + len(piece)] = piece
            done += len(piece)
        return done

    def goes_straight(self, size: int) -> bool:
        return False

    def ranges(self, wanted: Sequence[tuple[int, int]]) -> Iterator[list[memoryview]]:
        for start, end in wanted:
            for _ in self._up_to(start - self._position):
                continue
            yield list(self._up_to(end - start))

    def tell(self) -> int:
        return self._position

    def _next(self) -> bytes | None:
        """What the iterator has next; None at its end. One that has failed goes on failing: bytes are missing."""
        if self._failure is not None:
            raise self._failure
        try:
            return next(self._pieces, None)
        except Exception as error:
            self._failure = error
            raise

    def _up_to(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes, or all where it is negative."""
        while size and (piece := self.next_piece()):
            if 0 <= size < len(piece):
                piece, self._left = piece[:size], piece[size:]
                self._position -= len(self._left)
            yield piece
            size -= len(piece) if size > 0 else 0
