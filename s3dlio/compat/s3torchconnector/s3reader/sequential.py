"""`SequentialS3Reader`: reads an object once, from its beginning, and keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from s3dlio.compat.s3torchconnector.s3reader.pieces import Pieces
from s3dlio.compat.s3torchconnector.s3reader.positions import CARRIED, Positioned, wanted_bytes, writable
from s3dlio.compat.s3torchconnector.s3reader.protocol import GetObjectInfo, GetStreamCallable
from s3dlio.compat.s3torchconnector.s3reader.sources import Source
from s3dlio.compat.s3torchconnectorclient._exceptions import S3Exception

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["SequentialS3Reader"]

_MANY = 64 << 20  # bytes that are not fetched before it is clear that they are needed
_MUCH = 8 << 20  # bytes that go straight to their place, where nothing else has fetched them
_LEAST = 256 << 10  # bytes fetched again at once; twice as many each time that it goes on


class SequentialS3Reader(Positioned):
    """The reader for most purposes: any access, one GET.

    The object is fetched as far as it is needed, a large one in concurrent parts, and kept until the reader is gone:
    going back costs no request. ``read()`` returns the very bytes that were received into. `readinto` of many bytes
    receives them where they go, and does not keep them; and what lies before a position far ahead waits until it is
    read. So torch.load of a large checkpoint needs little memory besides that of the tensors.
    """

    def __init__(self, bucket: str, key: str, get_object_info: GetObjectInfo, get_stream: GetStreamCallable) -> None:
        super().__init__(bucket, key, get_object_info, get_stream)
        self._source: Source | None = None
        self._held = Pieces()  # what was fetched, from the first byte on
        self._is_complete = False  # there is no more
        self._window = _LEAST
        self._filled = -1  # where the bytes end that were fetched again last

    def prefetch(self) -> None:
        """Open the stream; what is read later comes from it."""
        if not self._is_complete:
            self._opened()

    def read(self, size: int | None = None) -> bytes:
        """The next `size` bytes, fewer at the end; None or a negative number: all that are left.

        Raises TypeError for what is no int, S3Exception where the object cannot be read.
        """
        wanted = wanted_bytes(size)
        if wanted == 0 or self._position_at_end():
            return b""
        self._leave_out()
        if not self._is_complete and (wanted < 0 or self._goes_straight(self._position + wanted)):
            self._hold_in_one(wanted)
        end = self._hold(self._position + wanted) if wanted > 0 else len(self._held)
        self._fill(self._position, end)
        data = self._held.between(self._position, end)
        self._position += len(data)
        return data

    def readinto(self, buf: Buffer) -> int:
        """Fill a writable buffer with the bytes that come next; returns how many, 0 at the end."""
        view = writable(buf)
        if not len(view) or self._position_at_end():
            return 0
        self._leave_out()
        at_the_end = self._position == len(self._held) and not self._is_complete
        if at_the_end and self._goes_straight(self._position + len(view)):
            done = self._opened().readinto(view)
            self._held.append_hole(done)  # it is the caller's: going back costs a request
            if done < len(view):
                self._complete()
        else:
            done = self._over_a_hole(view, self._hold(self._position + len(view)))
        self._position += done
        return done

    def _over_a_hole(self, view: memoryview, end: int) -> int:
        """Copy what is held of the bytes up to `end`; much that is not goes straight to its place, and is not kept."""
        start = self._position
        hole = self._held.hole(start, end)
        if hole is not None:
            first, stop = max(start, hole[0]), min(end, hole[1])
            if stop - first >= _MUCH:
                source = self._streams.open(first, stop, self._likely_size())
                self._held.copy(start, view[: first - start])
                got = source.readinto(view[first - start : stop - start])
                self._fill(first + got, end)
                return first + got - start + self._held.copy(first + got, view[first + got - start :])
        self._fill(start, end)
        return self._held.copy(start, view)

    def __getstate__(self) -> dict[str, Any]:
        """What was fetched comes along only if it is the whole object, and small."""
        keeps = self._is_whole and len(self._held) <= CARRIED
        held = self._held if keeps else Pieces()
        return {**self.__dict__, "_source": None, "_held": held, "_is_complete": keeps, "_luggage": None}

    def _receive(self, content: memoryview) -> None:
        self._held = Pieces()
        self._held.append_view(content)
        self._complete()

    def _whole(self) -> bytes | None:
        return self._held.between(0, len(self._held)) if self._is_whole else None

    @property
    def _is_whole(self) -> bool:
        return self._is_complete and self._held.hole(0, len(self._held)) is None

    @property
    def _stream(self) -> Iterable[bytes] | None:
        return self._streams.last

    def _within(self, target: int) -> int:
        size = self._likely_size()
        return self._hold(target) if size is None else min(target, size)

    def _hold(self, end: int) -> int:
        """Fetch up to byte `end`; returns it, or the end of the object before it."""
        held = self._held
        while len(held) < end and not self._is_complete:
            piece = self._opened().next_piece(end - len(held))
            held.append_view(piece)
            if not piece:
                self._complete()
        return min(end, len(held))

    def _hold_in_one(self, size: int) -> None:
        """Fetch what is missing of the next `size` bytes, or of all; they come in one piece, which `read` hands out."""
        held, start = self._held, self._position
        self._fill(start, len(held))
        before = held.views(start)
        missing = start + size - len(held) if size >= 0 else -1
        data = self._opened().read(missing, before)
        is_end = size < 0 or len(data) < sum(map(len, before)) + missing
        held.cut(start)
        held.append_view(data)
        if is_end:
            self._complete()

    def _goes_straight(self, end: int) -> bool:
        """Whether the bytes up to `end` that are missing can be received where they will be used, and are many."""
        missing = end - len(self._held)
        return missing > 0 and self._opened().goes_straight(missing)

    def _leave_out(self) -> None:
        """Go to the position without what lies before it, where that is much: it may be read straight to its place."""
        gap = self._position - len(self._held)
        if gap >= _MANY and not self._is_complete and self._opened().goes_straight(gap):
            self._held.append_hole(gap)
            self._source = self._streams.open(self._position, size=self._likely_size())

    def _fill(self, start: int, end: int) -> None:
        """Fetch what was left out, or read straight into somebody's memory, and some of what lies behind it."""
        while (hole := self._held.hole(start, end)) is not None:
            first = max(start, hole[0])
            self._window = min(2 * self._window, _MANY) if first == self._filled else _LEAST
            stop = min(hole[1], max(end, first + self._window))
            self._filled = stop
            content = self._streams.open(first, stop, self._likely_size()).read()
            if not content:
                raise S3Exception(f"Client error: {self._bucket}/{self._key} ends before byte {stop}")
            self._held.fill(first, content)

    def _complete(self) -> None:
        self._is_complete = True
        self._size = len(self._held)
        self._source = None

    def _opened(self) -> Source:
        if self._source is None:
            self._source = self._streams.open(size=self._likely_size())
        return self._source
