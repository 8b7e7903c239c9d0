"""Reading ahead: a pass over a dataset fetches what comes next while what is there is read.

A pass hands out entries one by one. It learns that somebody reads them when the first one is read, or a few are, and
then fetches those to come in windows, each object straight into the bytes that its reader hands out. It stops for good
when an entry is left out, and fetches no more than `MOST_BYTES` that nobody has read yet.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from s3dlio._native import Client, FreshBytes, Item, Op, Stream, StreamOptions
from s3dlio.compat.s3torchconnectorclient._objects import ObjectInfo
from s3dlio.errors import S3DlioError
from s3dlio.listing import Listing

__all__ = ["Ahead", "Found"]

MOST_BYTES = 64 << 20  # fetched and not read
MOST_ENTRIES = 256  # likewise; also how long an entry that was handed out is waited for to be read
FIRST = 4  # entries of the first window; each is twice as long as the one before
ALIKE = 3  # objects of one size, after which others are expected to have it
LARGEST = 16 << 20  # bytes of an object, beyond which its own parts are concurrent enough


class Entry(Protocol):
    """What a pass is over."""

    @property
    def bucket(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def object_info(self) -> ObjectInfo | None: ...


SomeEntry = TypeVar("SomeEntry", bound=Entry)


@dataclass(slots=True)
class Found:
    """The beginning of an object, or all of it."""

    data: bytes
    size: int  # of the object
    etag: str


class Ahead:
    """What the passes over the datasets of one client have fetched."""

    def __init__(self, engine: Client, options: StreamOptions, uri: Callable[[str, str], str]) -> None:
        """`uri` makes one of bucket and key."""
        self.engine = engine
        self.options = options
        self.into_memory = replace(options, fresh_memory=True)  # for memory that was never touched
        self.uri = uri
        self._last_size = 0  # bytes of the object that was read last
        self._alike = 0  # how many before it had that size, too
        self._passes: dict[tuple[str, str], tuple[weakref.ref[Pass[Any]], int]] = {}

    def follow(self, entries: Iterator[SomeEntry], patience: int = 1) -> Pass[SomeEntry]:
        """A pass over these entries, which is sure of itself once so many of them were read."""
        return Pass(self, entries, patience)

    def claim(self, bucket: str, key: str) -> Found | None:
        """Somebody begins to read an object. Returns what was fetched of it, and goes on behind it."""
        if not self._passes:
            return None
        owner, number = self._passes.pop((bucket, key), (None, 0))
        found = owner() if owner is not None else None
        return None if found is None else found._claim(number)

    def is_coming(self, bucket: str, key: str) -> bool:
        """Whether a pass has fetched an object, or is about to."""
        owner, number = self._passes.get((bucket, key), (None, 0))
        found = owner() if owner is not None else None
        return found is not None and number in found._waiting

    def learn(self, size: int) -> None:
        """An object of unknown size has that one: others may have it, too."""
        self._alike = self._alike + 1 if size == self._last_size else 0
        self._last_size = size

    def expected_size(self) -> tuple[int, bool]:
        """Size of an object of which nothing is known, in bytes, and whether that is more than a guess."""
        return self._last_size, self._alike >= ALIKE

    def _register(self, entry: Entry, owner: weakref.ref[Pass[Any]], number: int) -> None:
        self._passes[entry.bucket, entry.key] = owner, number

    def _forget(self, entry: Entry, owner: weakref.ref[Pass[Any]], number: int) -> None:
        if self._passes.get((entry.bucket, entry.key)) == (owner, number):
            del self._passes[entry.bucket, entry.key]


class Pass(Generic[SomeEntry]):
    """An iterator over entries. Nothing is fetched before it is clear that somebody reads them."""

    def __init__(self, ahead: Ahead, entries: Iterator[SomeEntry], patience: int) -> None:
        self._ahead = ahead
        self._entries = entries
        self._patience = patience
        self._is_over = False  # no more reading ahead
        self._lock = threading.RLock()  # readers may be read by several threads
        self._me = weakref.ref(self)
        self._pulled: deque[SomeEntry] = deque()  # entries of windows, which are not handed out yet
        self._is_pulled = False  # there are no more to pull
        self._failure: Exception | None = None  # of the listing, to be raised behind these
        self._handed: deque[tuple[SomeEntry, int]] = deque()  # entries that may still be claimed
        self._next = 0  # number of the entry that is handed out next
        self._read = 0  # of those that were handed out
        self._length = FIRST if patience else MOST_ENTRIES // 4
        self._waiting: dict[int, tuple[Window, int]] = {}  # by number, ascending: under way, or there, and not claimed

    def __iter__(self) -> Pass[SomeEntry]:
        return self

    def __next__(self) -> SomeEntry:
        with self._lock:
            self._top_up()
            if not self._pulled and self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            entry = self._pulled.popleft() if self._pulled else next(self._entries)
            self._ahead._register(entry, self._me, self._next)
            self._handed.append((entry, self._next))
            self._next += 1
            if len(self._handed) > MOST_ENTRIES:
                self._give_up_oldest()
        return entry

    @property
    def was_read(self) -> bool:
        """Whether each entry that was handed out has been read."""
        return 0 < self._read == self._next and not self._is_over

    def __del__(self) -> None:
        for entry, number in getattr(self, "_handed", ()):
            self._ahead._forget(entry, self._me, number)

    def _claim(self, number: int) -> Found | None:
        with self._lock:
            place = self._waiting.pop(number, None)
            left_out = next(iter(self._waiting), number) < number
            self._read += 1
            if not left_out:
                self._top_up()
        found = None if place is None else place[0].found(place[1])
        if left_out:
            self._stop()
        return found

    def _give_up_oldest(self) -> None:
        entry, number = self._handed.popleft()
        self._ahead._forget(entry, self._me, number)
        if number in self._waiting:
            self._stop()

    def _stop(self) -> None:
        """Fetch nothing more."""
        with self._lock:
            self._is_over = True
            self._waiting.clear()  # the windows close with their last reference

    def _top_up(self) -> None:
        """Open the next window once half of the last one is claimed, and there is room."""
        if self._read < self._patience or self._is_over or self._is_pulled or 2 * len(self._waiting) > self._length:
            return
        room = MOST_BYTES - sum(window.sizes[i] for window, i in self._waiting.values())
        first = self._next + len(self._pulled)
        chosen: list[SomeEntry] = []
        sizes: list[int] = []
        are_sure = True
        while len(chosen) < self._length and (entry := self._pull()) is not None:
            size, is_sure = self._size(entry)
            if size > min(LARGEST, room) or (sizes and is_sure != are_sure):
                break  # it is handed out, and fetched when it is read
            chosen.append(entry)
            sizes.append(size)
            are_sure = is_sure
            room -= size
        if chosen:
            window = Window(self._ahead, chosen, sizes, are_sure)
            self._waiting.update({first + i: (window, i) for i in range(len(chosen))})
            self._length = min(2 * self._length, MOST_ENTRIES // 4)

    def _pull(self) -> SomeEntry | None:
        try:
            entry = next(self._entries, None)
        except Exception as error:  # noqa: BLE001 - raised where the entry would have come
            self._failure = error
            entry = None
        if entry is None:
            self._is_pulled = True
        else:
            self._pulled.append(entry)
        return entry

    def _size(self, entry: SomeEntry) -> tuple[int, bool]:
        return self._ahead.expected_size() if entry.object_info is None else (entry.object_info.size, True)


class Window:
    """Objects that are fetched together: into bytes of their sizes, if one can be sure of these.

    Attributes:
        sizes: of the objects, as far as one knows, in bytes.
    """

    def __init__(self, ahead: Ahead, entries: Sequence[Entry], sizes: Sequence[int], are_sure: bool) -> None:
        self.sizes = sizes
        self._ahead = ahead
        self._lock = threading.Lock()
        self._fresh = [FreshBytes(max(1, size)) for size in sizes] if are_sure else None
        self._items: dict[int, Item] = {}
        self._stream = Stream(
            ahead.engine,
            Op.GET,
            Listing.from_uris([ahead.uri(entry.bucket, entry.key) for entry in entries]),
            lengths=None if self._fresh is None else list(map(len, self._fresh)),
            memory=self._fresh,
            options=replace(ahead.options, memory_budget=MOST_BYTES, fresh_memory=self._fresh is not None),
        )

    def found(self, index: int) -> Found | None:
        """Wait for an object. None where it could not be read: its reader tries again, and tells why."""
        with self._lock:
            while index not in self._items:
                try:
                    items = self._stream.take(1, len(self.sizes))
                except S3DlioError:  # of all of them: this process was forked from the one that asked
                    return None
                if not items:
                    return None
                self._items.update((item.index, item) for item in items)
            item = self._items.pop(index)
        if item.error is not None:
            return None
        self._ahead.learn(item.size)
        if self._fresh is not None:
            return Found(self._fresh[index].take(item.length), item.size, item.text)
        assert item.view is not None, "an object that was read has its bytes"
        return Found(bytes(item.view), item.size, item.text)
