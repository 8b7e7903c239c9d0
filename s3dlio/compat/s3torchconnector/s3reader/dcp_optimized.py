"""`DCPOptimizedS3Reader`: reads the items of a distributed checkpoint's file, one after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from io import SEEK_CUR, SEEK_END, SEEK_SET
from typing import TYPE_CHECKING, Any

from s3dlio.compat.s3torchconnector.s3reader.pieces import Pieces
from s3dlio.compat.s3torchconnector.s3reader.positions import writable
from s3dlio.compat.s3torchconnector.s3reader.protocol import GetObjectInfo, GetStreamCallable
from s3dlio.compat.s3torchconnector.s3reader.s3reader import S3Reader
from s3dlio.compat.s3torchconnector.s3reader.sources import Source, Streams

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["DCPOptimizedS3Reader", "ItemRange", "RangeGroup"]

DEFAULT_MAX_GAP_SIZE = 32 * 1024 * 1024
FIND_ITEM_ERROR_PREFIX = "DCPOptimizedS3Reader only supports sequentially accessing provided ranges: "
FALLBACK_GUIDANCE = (
    "This reader serves torch.distributed.checkpoint: S3StorageReader tells it which items a plan needs and reads them "
    "in the order of the file. To read in any other way, choose a reader for any access: "
    "S3StorageReader(region, path, reader_constructor=S3ReaderConstructor.default())"
)


@dataclass
class ItemRange:
    """The bytes of one item: `start` to `end`, which is not included."""

    start: int
    end: int


@dataclass
class RangeGroup:
    """Items that one stream has, from the first byte of the first of them to the end of the last."""

    start: int
    end: int
    item_ranges: list[ItemRange]


class DCPOptimizedS3Reader(S3Reader):
    """The reader for items of a file that are known before and read in their order.

    Items whose distance is at most `max_gap_size` (bytes; 0: adjacent ones, inf: all) have one stream. It is opened
    when the first of them is read, and fetches those that follow meanwhile, up to a limit, but not what lies between
    them, unless that costs less than a request. An item is kept until the next one is read: within it, one may seek.

    Raises ValueError for an empty bucket or key, and for ranges that are none, invalid, unsorted or overlapping;
    ValueError or TypeError for a `max_gap_size` that is none.
    """

    def __init__(
        self,
        bucket: str,
        key: str,
        item_ranges: list[ItemRange],
        get_object_info: GetObjectInfo,
        get_stream: GetStreamCallable,
        max_gap_size: int | float = DEFAULT_MAX_GAP_SIZE,
    ) -> None:
        if not bucket:
            raise ValueError("Bucket should be specified")
        if not key:
            raise ValueError("Key should be specified")
        if not item_ranges:
            raise ValueError("item_ranges must be a non-empty List[ItemRange] object")
        check_gap(max_gap_size)
        self._bucket = bucket
        self._key = key
        self._get_object_info = get_object_info
        self._get_stream = get_stream
        self._streams = Streams(get_stream)
        self._max_gap_size = max_gap_size
        self._item_ranges = [item for item in item_ranges if item.end != item.start]
        self._range_groups = _groups(self._item_ranges, max_gap_size)
        self._group_start_to_group = {group.start: group for group in self._range_groups}
        self._position = 0
        self._number = -1  # of the current item, which was read last
        self._current_item_buffer: _ItemViewBuffer | None = None  # what it contains
        self._source: Source | None = None  # of its group
        self._items: Iterator[list[memoryview]] | None = None  # of the source: those to come

    @property
    def bucket(self) -> str:
        """The bucket, or what stands for it: see `parse_s3_uri`."""
        return self._bucket

    @property
    def key(self) -> str:
        """The key of the object."""
        return self._key

    def read(self, size: int | None = None) -> bytes:
        """The next `size` bytes, which must all be of the current item, or all of the next one.

        Raises ValueError where they are not, and for no size; TypeError for what is no int; S3Exception where the
        object cannot be read.
        """
        if size is None:
            raise ValueError(f"Size cannot be None; full read not supported.\n{FALLBACK_GUIDANCE}")
        if not isinstance(size, int):
            raise TypeError(f"argument should be integer or None, not {type(size)!r}")
        if size < 0:
            raise ValueError(f"Size cannot be negative; full read not supported.\n{FALLBACK_GUIDANCE}")
        if size == 0:
            return b""
        data = self._item_with(size).read(size)
        self._position += len(data)
        return data

    def readinto(self, buf: Buffer) -> int:
        """Fill a writable buffer with the next bytes, as `read` does; returns how many."""
        try:
            view = writable(buf)
        except TypeError as error:
            raise _NotWritable(*error.args) from None
        if not len(view):
            return 0
        done = self._item_with(len(view)).readinto(view)
        self._position += done
        return done

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        """Move to a byte, counted from the beginning or from here (SEEK_CUR); returns it.

        Raises ValueError in front of the beginning, and for any other `whence`; TypeError for what is no int.
        """
        if not isinstance(offset, int):
            raise TypeError(f"integer argument expected, got {type(offset)!r}")
        if whence not in (SEEK_SET, SEEK_CUR):
            raise ValueError("whence must be SEEK_CUR or SEEK_SET integers")
        target = offset + (self._position if whence == SEEK_CUR else 0)
        if target < 0:
            raise ValueError(f"negative seek value {target}")
        self._position = target
        return target

    def tell(self) -> int:
        """Number of the byte that comes next."""
        return self._position

    def close(self) -> None:
        """Stop fetching, and let go of the current item. What is read afterwards raises ValueError."""
        self._current_item_buffer = self._source = self._items = None
        super().close()

    def __getstate__(self) -> dict[str, Any]:
        """All but what was fetched: a reader that was unpickled or copied fetches the current item again."""
        return {**self.__dict__, "_current_item_buffer": None, "_source": None, "_items": None}

    def _item_with(self, size: int) -> _ItemViewBuffer:
        """What the item contains that has the next `size` bytes, positioned there."""
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        number = self._number_of(self._position, self._position + size)
        if number != self._number or self._current_item_buffer is None:
            self._current_item_buffer = None  # its memory may be needed for the next one
            self._current_item_buffer = self._fetch(number)
            self._number = number
        self._current_item_buffer.seek(self._position - self._item_ranges[number].start)
        return self._current_item_buffer

    def _number_of(self, start: int, end: int) -> int:
        """Number of the item with these bytes: the current one or the one behind it."""
        number = max(0, self._number)
        item = self._item_ranges[number]
        if item.start <= start and end <= item.end:
            return number
        failure = f"{FIND_ITEM_ERROR_PREFIX}Range {start}-{end} not contained in "
        current = f"current item {item.start}-{item.end}"
        if start < item.end or self._number < 0:
            raise ValueError(f"{failure}{current}.\n{FALLBACK_GUIDANCE}")
        if number + 1 == len(self._item_ranges):
            raise ValueError(f"{failure}last item with range {item.start}-{item.end}.\n{FALLBACK_GUIDANCE}")
        following = self._item_ranges[number + 1]
        if following.start <= start and end <= following.end:
            return number + 1
        nor = f"nor the next item {following.start}-{following.end}"
        raise ValueError(f"{failure}{current} {nor}.\n{FALLBACK_GUIDANCE}")

    def _fetch(self, number: int) -> _ItemViewBuffer:
        item = self._item_ranges[number]
        if self._items is None or self._source is None or item.start in self._group_start_to_group:
            self._source, self._items = self._open(item)
        source, items = self._source, self._items
        self._items = None  # where this fails, the next attempt has a stream of its own
        buffer = _ItemViewBuffer()
        for piece in next(items):
            buffer.append_view(piece)
        if len(buffer) < item.end - item.start:
            end = source.tell()
            until = "before reaching" if end < item.start else "while reading"
            raise ValueError(f"S3 stream exhausted at position {end} {until} item {item.start}-{item.end}")
        self._items = items
        return buffer

    def _open(self, item: ItemRange) -> tuple[Source, Iterator[list[memoryview]]]:
        """A stream of the item, and of those behind it in its group."""
        at = bisect_right(self._range_groups, item.start, key=lambda group: group.start) - 1
        group = self._range_groups[at]
        wanted = [(each.start, each.end) for each in group.item_ranges if each.start >= item.start]
        source = self._streams.open(item.start, group.end)
        return source, source.ranges(wanted)


class _ItemViewBuffer(Pieces):
    """The bytes of an item, with a position."""

    def __init__(self) -> None:
        super().__init__()
        self._pos = 0

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        if whence not in (SEEK_SET, SEEK_CUR, SEEK_END):
            raise ValueError("Seek must be passed SEEK_CUR, SEEK_SET, or SEEK_END")
        target = offset + {SEEK_SET: 0, SEEK_CUR: self._pos, SEEK_END: self._size}[whence]
        assert target >= 0, f"negative seek value {target}"
        self._pos = target
        return target

    def tell(self) -> int:
        return self._pos

    def read(self, size: int) -> bytes:
        data = self.between(self._pos, self._pos + size)
        self._pos += len(data)
        return data

    def readinto(self, buf: Buffer) -> int:
        view = memoryview(buf)
        assert not view.readonly, "somebody else has checked it"
        done = self.copy(self._pos, view)
        self._pos += done
        return done


class _NotWritable(TypeError, AssertionError):
    """A TypeError, as with the other readers, and what s3torchconnector raises here."""


def check_gap(size: float) -> None:
    """Raise TypeError or ValueError for what is no `max_gap_size`."""
    if not isinstance(size, int | float):
        raise TypeError(f"max_gap_size must be int or float, got {type(size).__name__}")
    if size < 0:
        raise ValueError("max_gap_size must be non-negative")


def _groups(items: list[ItemRange], max_gap_size: float) -> list[RangeGroup]:
    """The items, those together that are near each other."""
    if not items:
        raise ValueError("No non-empty ranges to read (all ranges were length 0)")
    groups: list[RangeGroup] = []
    previous: ItemRange | None = None
    for item in items:
        _check_range(item, previous)
        if previous is not None and item.start - previous.end <= max_gap_size:
            groups[-1].item_ranges.append(item)
            groups[-1].end = item.end
        else:
            groups.append(RangeGroup(item.start, item.end, [item]))
        previous = item
    return groups


def _check_range(item: ItemRange, previous: ItemRange | None) -> None:
    if item.end < item.start or (previous is None and item.start < 0):
        raise ValueError(f"Invalid range: {item.start}-{item.end}")
    if previous is not None and item.start < previous.end:
        kind = "Unsorted" if item.start < previous.start else "Overlapping"
        raise ValueError(f"{kind} ranges: {previous.start}-{previous.end} and {item.start}-{item.end}")
