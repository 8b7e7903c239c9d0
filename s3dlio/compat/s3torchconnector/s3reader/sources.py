"""Where readers get their bytes from: a stream of the drop-in's client, or whatever iterator a program has instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from s3dlio.compat.s3torchconnectorclient._get_object_stream import GetObjectStream
from s3dlio.compat.s3torchconnectorclient._objects import HeadObjectResult, ObjectInfo

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Known", "Source", "source_of"]

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

    def next_piece(self) -> Buffer:
        """The bytes that come next, as many as come together; empty at the end."""
        ...

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer at the end; all where it is negative."""
        ...

    def readinto(self, memory: Buffer, /) -> int:
        """Fill `memory` with the next bytes; returns how many."""
        ...

    def ranges(self, wanted: Sequence[tuple[int, int]]) -> Iterator[list[memoryview]]:
        """The bytes of ranges of the object, (start, end), none of which begins before `tell()` or another ends.

        Each in the pieces that it comes in; what is missing lies behind the end of the object.
        """
        ...

    def tell(self) -> int:
        """Offset in the object of the byte that comes next."""
        ...


def source_of(stream: Iterable[bytes], start: int = 0) -> Source:
    """The stream itself where it can do all that; else something around it that can. `start` is its first byte."""
    return stream if isinstance(stream, GetObjectStream) else _Pieces(iter(stream), start)


class _Pieces:
    """A `Source` of the pieces of an iterator."""

    def __init__(self, pieces: Iterator[bytes], start: int) -> None:
        self._pieces = pieces
        self._position = start
        self._left = memoryview(b"")

    def next_piece(self) -> memoryview:
        piece, self._left = self._left, memoryview(b"")
        while not piece:
            following = next(self._pieces, None)
            if following is None:
                break
            piece = memoryview(following)
        self._position += len(piece)
        return piece

    def read(self, size: int = -1) -> bytes:
        return b"".join(self._up_to(size))

    def readinto(self, memory: Buffer, /) -> int:
        view, done = memoryview(memory).cast("B"), 0
        for piece in self._up_to(len(view)):
            view[done : done + len(piece)] = piece
            done += len(piece)
        return done

    def ranges(self, wanted: Sequence[tuple[int, int]]) -> Iterator[list[memoryview]]:
        for start, end in wanted:
            for _ in self._up_to(start - self._position):
                continue
            yield list(self._up_to(end - start))

    def tell(self) -> int:
        return self._position

    def _up_to(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes, or all where it is negative."""
        while size and (piece := self.next_piece()):
            if 0 <= size < len(piece):
                piece, self._left = piece[:size], piece[size:]
                self._position -= len(self._left)
            yield piece
            size -= len(piece) if size > 0 else 0
