"""`BytesView`: data that the library has read, seen in place."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["BytesView", "blank", "side_by_side"]

_COMPARE_STEP = 1 << 20


class BytesView:
    """Bytes in memory that the library owns, and uses again once the last view, array or tensor of it is gone.

    ``memoryview(view)``, ``bytes(view)``, ``numpy.frombuffer(view, dtype)``, ``torch.frombuffer(view, dtype=...)``,
    file writes and everything else that takes a bytes-like object work on it in place, and may write to it.
    ``len(view)`` is in bytes; ``view[i]`` is an int; ``view[a:b]`` is a view of the same memory. Views compare by
    content with any bytes-like object and, being mutable, have no hash. A pickle carries a copy of the bytes.

    Views come from the library and from `copy_of`; the class itself has no instances.
    """

    __slots__ = ()

    __hash__ = None  # type: ignore[assignment]

    if TYPE_CHECKING:

        def __buffer__(self, flags: int, /) -> memoryview: ...

    @staticmethod
    def copy_of(data: Buffer) -> BytesView:
        """Return a view of a fresh copy of `data`. A slice of such a view is another copy."""
        return _OwnedView(memoryview(data))

    def memoryview(self) -> memoryview:
        """The bytes as a writable memoryview of format "B"."""
        return memoryview(self)

    def tobytes(self) -> bytes:
        """Return a copy of the bytes."""
        return memoryview(self).tobytes()

    to_bytes = tobytes

    @abstractmethod
    def __len__(self) -> int: ...

    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> BytesView: ...
    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, slice):
            return memoryview(self)[key]
        start, stop, step = key.indices(len(self))
        if step == 1:
            return self._part(start, max(0, stop - start))
        return _OwnedView(memoryview(self)[key].tobytes())

    @abstractmethod
    def _part(self, start: int, length: int) -> BytesView:
        """A view of `length` bytes from `start` on, which lie inside this one."""

    def _joined(self, views: Sequence[BytesView]) -> BytesView | None:
        """One view of all these, of which this is the first, where they lie side by side."""
        return None

    def __setitem__(self, key: Any, value: Any) -> None:
        memoryview(self)[key] = value

    def __iter__(self) -> Iterator[int]:
        return iter(memoryview(self))

    def __eq__(self, other: object) -> bool:
        try:
            mine, theirs = memoryview(self), memoryview(other).cast("B")  # type: ignore[arg-type]
        except TypeError:  # not bytes-like, or not contiguous
            return NotImplemented
        return len(mine) == len(theirs) and all(
            mine[i : i + _COMPARE_STEP].tobytes() == theirs[i : i + _COMPARE_STEP].tobytes()
            for i in range(0, len(mine), _COMPARE_STEP)
        )

    def __repr__(self) -> str:
        return f"<BytesView of {len(self)} bytes>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        content = self.tobytes() if int(protocol) < 5 else PickleBuffer(self)
        return _OwnedView, (content,)


def blank(size: int) -> BytesView:
    """A view of so many zero bytes, in memory of its own."""
    return _OwnedView(size)


def side_by_side(views: Sequence[BytesView]) -> BytesView | None:
    """One view of all these, where each begins in memory where the one before it ends; else None."""
    return views[0] if len(views) == 1 else views[0]._joined(views)


class _OwnedView(BytesView, bytearray):  # type: ignore[misc]  # slices are views here
    """A view of memory of its own: what was unpickled or copied."""

    __slots__ = ()

    def __len__(self) -> int:
        return bytearray.__len__(self)

    def _part(self, start: int, length: int) -> BytesView:
        return _OwnedView(memoryview(self)[start : start + length])
