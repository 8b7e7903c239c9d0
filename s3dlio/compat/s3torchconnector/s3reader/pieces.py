"""`Pieces`: bytes as they came."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Pieces"]


class _Hole(int):
    """Bytes that are not kept: how many."""

    def __len__(self) -> int:
        return self

    def __getitem__(self, part: slice) -> _Hole:
        return _Hole(len(range(*part.indices(self))))


class Pieces:
    """Bytes in the pieces that they came in. Nothing is copied before it is handed out, and then once."""

    def __init__(self) -> None:
        self._segments: list[memoryview | _Hole] = []
        self._offsets: list[int] = []  # of the first byte of each
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def append_view(self, piece: Buffer) -> None:
        """Add bytes at the end, which must not change from now on."""
        view = memoryview(piece)
        if len(view):
            self._segments.append(view)
            self._offsets.append(self._size)
            self._size += len(view)

    def append_hole(self, size: int) -> None:
        """Add bytes that are not kept: `hole` tells of them, and `fill` puts them in their place."""
        if size:
            self._segments.append(_Hole(size))
            self._offsets.append(self._size)
            self._size += size

    def hole(self, start: int, end: int) -> tuple[int, int] | None:
        """First byte and end of the first hole that has some of the bytes `start` to `end`."""
        for at in range(max(0, bisect_right(self._offsets, start) - 1), bisect_left(self._offsets, end)):
            segment = self._segments[at]
            if isinstance(segment, _Hole) and self._offsets[at] + len(segment) > start:
                return self._offsets[at], self._offsets[at] + len(segment)
        return None

    def fill(self, start: int, content: bytes) -> None:
        """Put bytes of a hole in their place. What is left of it before and behind them stays one."""
        at = bisect_right(self._offsets, start) - 1
        first, end = self._offsets[at], self._offsets[at] + len(self._segments[at])
        stop = start + len(content)
        new: list[tuple[int, memoryview | _Hole]] = [
            (first, _Hole(start - first)),
            (start, memoryview(content)),
            (stop, _Hole(end - stop)),
        ]
        kept = [(offset, segment) for offset, segment in new if len(segment)]
        self._offsets[at : at + 1] = [offset for offset, _ in kept]
        self._segments[at : at + 1] = [segment for _, segment in kept]

    def cut(self, size: int) -> None:
        """Leave out all but the first `size` bytes."""
        while self._offsets and self._offsets[-1] >= size:
            self._offsets.pop()
            self._size -= len(self._segments.pop())
        if self._size > size:
            self._segments[-1] = self._segments[-1][: size - self._offsets[-1]]
            self._size = size

    def views(self, start: int) -> list[memoryview]:
        """The bytes from `start` on, in their pieces."""
        return list(self._parts(start, self._size))

    def between(self, start: int, end: int) -> bytes:
        """Bytes `start` to `end`, as far as there are any. Where they are all of a piece that is bytes: that."""
        parts = list(self._parts(start, end))
        whole = parts[0].obj if len(parts) == 1 else None
        if isinstance(whole, bytes) and len(whole) == len(parts[0]):
            return whole
        return b"".join(parts)

    def copy(self, start: int, target: memoryview) -> int:
        """Fill `target` with the bytes from `start` on; returns how many."""
        done = 0
        for part in self._parts(start, start + len(target)):
            target[done : done + len(part)] = part
            done += len(part)
        return done

    def __getstate__(self) -> bytes:
        return self.between(0, self._size)

    def __setstate__(self, data: bytes) -> None:
        Pieces.__init__(self)
        self.append_view(data)

    def _parts(self, start: int, end: int) -> Iterator[memoryview]:
        end = min(end, self._size)
        at = bisect_right(self._offsets, start) - 1
        while start < end:
            offset, segment = start - self._offsets[at], self._segments[at]
            assert isinstance(segment, memoryview), "holes are filled before"
            part = segment[offset : offset + end - start]
            yield part
            start += len(part)
            at += 1
