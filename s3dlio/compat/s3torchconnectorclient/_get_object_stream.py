"""`GetObjectStream`: the bytes of an object, in order, each fetched to the place where it is wanted."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import closing
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


class GetObjectStream:
    """The bytes of an object from `start` to `end`, which is not included; None: from its beginning, to its end.

    No request is sent before bytes are asked for. As an iterator it gives them in pieces of a part each, and fetches
    some parts ahead. `read` and `readinto` fetch what is asked for straight to where it goes, in concurrent requests
    where it is long. All of them see one version of the object: S3Exception where it changes meanwhile.

    Attributes:
        bucket, key: of the object.
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
        self._ahead = ahead
        self._engine = ahead.engine
        self._options = ahead.options
        self._listing = Listing.from_uris([ahead.uri(bucket, key)])
        self._position = start or 0
        self._end = end
        self._is_whole = not start and end is None
        self._begun = False
        self._size = -1  # of the object; -1 unknown
        self._expected = -1  # its size as somebody knows it, who may be wrong
        self._etag = ""
        self._left = memoryview(b"")  # fetched, and not handed out
        self._parts: Parts | None = None  # under way

    def __iter__(self) -> GetObjectStream:
        return self

    def __next__(self) -> bytes:
        piece = self.next_piece()
        if not piece:
            raise StopIteration
        return bytes(piece)

    def tell(self) -> int:
        """Offset in the object of the byte that comes next."""
        return self._position

    def expect(self, size: int) -> None:
        """Say how long the object is, as far as one knows: then its bytes are fetched to their place at once."""
        self._expected = size

    def next_piece(self) -> memoryview:
        """The bytes that come next, as far as they were fetched together; empty at the end. Nothing is copied."""
        self._begin()
        piece, self._left = self._left, memoryview(b"")
        if not piece and not self._is_at_end():
            piece = self._fetch_part()
        self._position += len(piece)
        return piece

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer at the end; all that are left where it is negative."""
        self._begin()
        if not self._left and self._parts is None:
            return self._fetch(size)
        pieces = list(self._fetched(size))
        missing = size - sum(map(len, pieces)) if size >= 0 else -1
        if missing and not self._is_at_end():
            pieces.append(memoryview(self._fetch(missing)))
        whole = pieces[0].obj if len(pieces) == 1 else None
        return whole if isinstance(whole, bytes) and len(whole) == len(pieces[0]) else b"".join(pieces)

    def readinto(self, memory: Buffer) -> int:
        """Fill `memory` with the bytes that come next; returns how many, fewer than it has room for at the end."""
        self._begin()
        view, done = memoryview(memory).cast("B"), 0
        for piece in self._fetched(len(view)):
            view[done : done + len(piece)] = piece
            done += len(piece)
        if done < len(view) and not self._is_at_end():
            wanted = self._room(len(view) - done)
            got = self._get(wanted, view[done : done + wanted]).length
            self._position += got
            done += got
        return done

    def ranges(self, wanted: Sequence[tuple[int, int]]) -> Iterator[list[memoryview]]:
        """The bytes of ranges of the object, (start, end) in ascending order, each in one piece; see `Ranges`.

        Only for a stream of which nothing was read. What is missing lies behind the end of the object.
        """
        with closing(Ranges(self._engine, self._options, self._listing, wanted, self._etag)) as under_way:
            for start, end in wanted:
                piece = under_way.take()
                self._size, self._etag = under_way.size, under_way.etag
                self._position = end if len(piece) == end - start else self._size
                yield [piece]

    def skip(self, size: int) -> None:
        """Leave out the next `size` bytes."""
        self._begin()
        for piece in self._fetched(min(size, len(self._left))):
            size -= len(piece)
        if size:
            self._close_parts()
            self._position += size

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
        if self._is_whole and (found := self._ahead.claim(self.bucket, self.key)):
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

    def _fetch(self, size: int) -> bytes:
        """The next bytes, of which none is under way, in the memory that they were received into."""
        likely = self._room(size)
        if likely == 0 and self._is_at_end():
            return b""
        fresh = FreshBytes(max(1, likely) if likely >= 0 else self._options.part_size, is_filled=likely >= 0)
        got = self._get(len(fresh), fresh).length
        self._position += got
        rest = self._room(size - got if size >= 0 else -1)
        if not rest:
            return fresh.take(got)
        whole = FreshBytes(got + rest, is_filled=True)
        ctypes.memmove(whole.address, fresh.address, got)
        more = self._get(rest, whole.part(got, rest)).length
        self._position += more
        return whole.take(got + more)

    def _fetch_part(self) -> memoryview:
        """The next part. Once it is clear that there are several, some more are under way."""
        if self._size >= 0:
            if self._parts is None:
                self._parts = Parts(
                    self._engine, self._options, self._listing, self._position, self._room(-1), self._etag
                )
            return self._parts.take()
        view = self._get(self._room(self._options.part_size)).view
        return memoryview(b"" if view is None else view)

    def _get(self, length: int, memory: Memory | None = None) -> Item:
        """Fetch up to `length` of the next bytes; tells the size of the object, and which version of it this is."""
        with Stream(
            self._engine,
            Op.GET,
            self._listing,
            offsets=[self._position],
            lengths=[length],
            memory=None if memory is None else [memory],
            etags=[self._etag] if self._etag else None,
            options=self._options,
        ) as stream:
            (item,) = stream.take()
        if item.error is not None:
            raise S3Exception(told(item.error, "get")) from item.error
        if self._size < 0:
            self._ahead.learn(item.size)
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
