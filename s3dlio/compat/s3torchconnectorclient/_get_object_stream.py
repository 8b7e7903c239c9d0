"""`GetObjectStream`: the bytes of an object, in order, each fetched to the place where it is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from s3dlio._native import FreshBytes, FreshPart, Item, Op, Stream
from s3dlio.compat.s3torchconnectorclient._exceptions import S3Exception, told
from s3dlio.compat.s3torchconnectorclient._parts import Parts
from s3dlio.compat.s3torchconnectorclient._ranges import Ranges
from s3dlio.listing import Listing

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from s3dlio.compat.s3torchconnectorclient._ahead import Ahead

    Memory = Buffer | FreshBytes | FreshPart

__all__ = ["GetObjectStream"]

_FRESH = 1 << 20  # bytes of memory from which on most of it was probably never touched
_LARGE = 8  # parts: what is that long is not copied out of parts, even though nothing is fetched ahead then


class GetObjectStream:
    """The bytes of an object from `start` to `end`, which is not included; None: from its beginning, to its end.

    No request is sent before bytes are asked for. As an iterator it gives them in pieces of a part each, and fetches
    some parts ahead. `read` and `readinto` fetch what is asked for straight to where it goes, in concurrent requests
    where it is long. All of them see one version of the object: S3Exception where it changes meanwhile.

    Attributes:
        bucket, key: of the object.
        listing: its URI.
        ahead: the client's.
    """

    def __init__(
        self,
        ahead: Ahead,
        bucket: str,
        key: str,
        start: int | None = None,
        end: int | None = None,
    ) -> None:
        self.bucket = bucket
        self.key = key
        self.ahead = ahead
        self._engine = ahead.engine
        self._options = ahead.options
        self._into_memory = ahead.into_memory
        self.listing = Listing.from_uris([ahead.uri(bucket, key)])
        self._position = start or 0
        self._end = end
        self._is_whole = not start and end is None
        self._begun = False
        self._size = -1  # of the object; -1 unknown
        self._expected = -1  # its size as somebody knows it, who may be wrong
        self._etag = ""  # of the version that is read; "" any
        self._left = memoryview(b"")  # fetched, and not handed out
        self._parts: Parts | None = None  # under way

    def __iter__(self) -> GetObjectStream:
        return self

    def __next__(self) -> bytes:
        piece = self.next_piece()
        if not piece:
            raise StopIteration
        return bytes(piece)

    @property
    def is_coming(self) -> bool:
        """Whether somebody fetches the object ahead, so that reading it from here saves a request."""
        return self._is_whole and self.ahead.is_coming(self.bucket, self.key)

    def tell(self) -> int:
        """Offset in the object of the byte that comes next."""
        return self._position

    def expect(self, size: int) -> None:
        """Say how long the object is, as far as one knows: then its bytes are fetched to their place at once."""
        self._expected = size

    def pin(self, etag: str) -> None:
        """Read the version of the object with that ETag; "" any. For a stream of which nothing was read."""
        self._etag = etag

    @property
    def etag(self) -> str:
        """The ETag of the version that is read; "" unknown."""
        return self._etag

    def next_piece(self, wanted: int = 0) -> memoryview:
        """The bytes that come next, as far as they were fetched together; empty at the end. Nothing is copied.

        `wanted` says how many somebody is about to ask for. Where they are all that is left, or many, they come in a
        piece of their own.
        """
        self._begin()
        piece, self._left = self._left, memoryview(b"")
        if not piece and not self._is_at_end():
            if self._parts is None and self._deserves_a_piece(wanted):
                with self._all_or_nothing():
                    return memoryview(self._fetch(wanted))
            piece = self._fetch_part()
        self._position += len(piece)
        return piece

    def read(self, size: int = -1, after: Sequence[memoryview] = ()) -> bytes:
        """The next `size` bytes, fewer at the end; all that are left where it is negative.

        What is returned begins with a copy of the bytes in `after`. Where this fails, nothing has been read.
        """
        self._begin()
        with self._all_or_nothing():
            pieces = list(self._fetched(size))
            missing = size - sum(map(len, pieces)) if size >= 0 else -1
            pieces[:0] = after
            if missing and not self._is_at_end():
                return self._fetch(missing, pieces)
        whole = pieces[0].obj if len(pieces) == 1 else None
        return whole if isinstance(whole, bytes) and len(whole) == len(pieces[0]) else b"".join(pieces)

    def readinto(self, memory: Buffer) -> int:
        """Fill `memory` with the bytes that come next; returns how many, fewer than it has room for at the end.

        Where this fails, nothing has been read.
        """
        self._begin()
        view, done = memoryview(memory).cast("B"), 0
        with self._all_or_nothing():
            for piece in self._fetched(len(view)):
                view[done : done + len(piece)] = piece
                done += len(piece)
            while done < len(view) and not self._is_at_end():  # again where it has grown since somebody knew its size
                wanted = max(1, self._room(len(view) - done))
                got = self._get(wanted, view[done : done + wanted]).length
                self._position += got
                done += got
        return done

    def goes_straight(self, size: int) -> bool:
        """Whether `readinto` of so many bytes copies none of them, and it is worth it: many, or all that are left."""
        self._begin()
        if self._left or self._parts is not None:
            return False
        return size >= self._options.part_size and self._deserves_a_piece(size)

    def ranges(self, wanted: Sequence[tuple[int, int]]) -> Iterator[list[memoryview]]:
        """The bytes of ranges of the object, (start, end) in ascending order, each in one piece; see `Ranges`.

        Only for a stream of which nothing was read. What is missing lies behind the end of the object.
        """
        with closing(Ranges(self._engine, self._options, self.listing, wanted, self._etag)) as under_way:
            for start, end in wanted:
                piece = under_way.take()
                self._size, self._etag = under_way.size, under_way.etag
                self._position = end if len(piece) == end - start else self._size
                yield [piece]

    def close(self) -> None:
        """Stop what is under way."""
        self._close_parts()

    def __del__(self) -> None:
        if getattr(self, "_parts", None) is not None:
            self._close_parts()

    def _begin(self) -> None:
        """Take over what a pass over a dataset has fetched ahead."""
        if self._begun:
            return
        self._begun = True
        if self._is_whole and not self._etag and (found := self.ahead.claim(self.bucket, self.key)):
            self._left = memoryview(found.data)
            self._size, self._etag = found.size, found.etag

    def _fetched(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes, or all, as far as they are there or under way."""
        while size and (self._left or self._parts is not None):
            piece = self.next_piece()
            if not piece:
                return
            if 0 <= size < len(piece):
                self._left = piece[size:]
                self._position -= len(self._left)
                piece = piece[:size]
            yield piece
            size -= len(piece) if size > 0 else 0

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Where this fails, the next attempt begins at the same byte."""
        position = self._position
        try:
            yield
        except BaseException:
            self._close_parts()
            self._left = memoryview(b"")
            self._position = position
            raise

    def _deserves_a_piece(self, wanted: int) -> bool:
        return wanted >= _LARGE * self._options.part_size or 0 <= self._room(-1) <= wanted

    def _fetch(self, size: int, after: Sequence[memoryview] = ()) -> bytes:
        """The next bytes, of which none is under way, behind others, in the memory that they were received into."""
        start = sum(map(len, after))
        if self._size < 0 and self._expected < 0 and self._end is None:  # nobody knows whether there are so many
            part = self._options.part_size
            first = min(size, part) if size >= 0 else part
        else:
            first = max(1, self._room(size))
        fresh = FreshBytes(start + first)
        place = 0
        for piece in after:
            fresh.put(place, piece)
            place += len(piece)
        got = self._get(first, fresh.part(start, first)).length
        self._position += got
        rest = self._room(size - got if size >= 0 else -1)
        if not rest:
            return fresh.take(start + got)
        return self._fetch(rest, [memoryview(fresh.take(start + got))])

    def _fetch_part(self) -> memoryview:
        """The next part. Once it is clear that there are several, some more are under way."""
        if self._size >= 0:
            if self._parts is None:
                self._parts = Parts(
                    self._engine, self._options, self.listing, self._position, self._room(-1), self._etag
                )
            try:
                return self._parts.take()
            except BaseException:
                self._close_parts()  # what would come next is not what comes next
                raise
        view = self._get(max(1, self._room(self._options.part_size))).view
        return memoryview(b"" if view is None else view)

    def _get(self, length: int, memory: Memory | None = None) -> Item:
        """Fetch up to `length` of the next bytes; tells the size of the object, and which version of it this is."""
        with Stream(
            self._engine,
            Op.GET,
            self.listing,
            offsets=[self._position],
            lengths=[length],
            memory=None if memory is None else [memory],
            etags=[self._etag] if self._etag else None,
            options=self._into_memory if memory is not None and length >= _FRESH else self._options,
        ) as stream:
            (item,) = stream.take()
        if item.error is not None:
            raise S3Exception(told(item.error, "get")) from item.error
        if self._size < 0:
            self.ahead.learn(item.size)
        self._size, self._etag = item.size, item.text
        return item

    def _close_parts(self) -> None:
        if self._parts is not None:
            self._parts.close()
            self._parts = None

    def _room(self, size: int) -> int:
        """How many of `size` bytes (negative: of all) are to come; negative where that is not known."""
        end = self._size if self._size >= 0 else self._expected
        if self._end is not None:
            end = min(end, self._end) if end >= 0 else self._end
        if end < 0:
            return size
        return max(0, end - self._position if size < 0 else min(size, end - self._position))

    def _is_at_end(self) -> bool:
        known = self._size >= 0 or (self._end is not None and self._end <= self._position)
        return known and self._room(-1) == 0
