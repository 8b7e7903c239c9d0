"""Streams: requests go to the library at once, finished items come back in batches."""

from __future__ import annotations

import ctypes
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from struct import Struct
from types import TracebackType
from typing import TYPE_CHECKING

from s3dlio._native.client import Client
from s3dlio._native.fresh import Fresh
from s3dlio._native.header import ffi
from s3dlio._native.leases import Lease
from s3dlio._native.requests import Op, Requests, StreamOptions, c_options
from s3dlio._native.waiting import Waiter, one_turn
from s3dlio.errors import ClosedError, InvalidError, S3DlioError, from_json
from s3dlio.listing import Listing
from s3dlio.views import BytesView

if TYPE_CHECKING:
    from typing_extensions import Buffer

POLL_MS = 100  # a call blocks no longer than this, so that signals such as Ctrl-C are seen
# Seconds to wait for the library to let go of memory of the caller
AT_END = 5.0  # it is about to
AT_CLOSE = 0.2  # it will, unless a read cannot be interrupted; asyncio does not wait
_ITEM = Struct("qiiPqqQPq")  # s3d_item
_WITH_DATA = {Op.GET, Op.GET_LISTED, Op.LIST, Op.LIST_CONTAINERS}


class Item:
    """A finished request.

    Attributes:
        index: of the request; of a listing the number of the page; of GET_LISTED that of the entry.
        error: why it failed, or None.
        view: what was read, or None where nothing was, or into memory of the caller.
        size: of the whole object in bytes, -1 where unknown.
        text: JSON (STAT, PUT, COPY), the URI (GET_LISTED), or the ETag (GET with `tell_etags`); else "".
        length: bytes that were read.
        micros: from the beginning of its work in the library to the end, in microseconds.
    """

    __slots__ = ("error", "index", "length", "micros", "size", "text", "view")

    def __init__(
        self,
        index: int,
        error: S3DlioError | None,
        view: BytesView | None,
        size: int,
        text: str,
        length: int = 0,
        micros: int = 0,
    ) -> None:
        self.index = index
        self.error = error
        self.view = view
        self.size = size
        self.text = text
        self.length = length
        self.micros = micros

    def __repr__(self) -> str:
        content = self.view if self.view is not None else self.text
        return f"<Item {self.index}: {self.error or content!r}>"


class Stream:
    """Requests under way. One thread or task at a time may take items; any may close it."""

    def __init__(
        self,
        client: Client,
        op: Op,
        listing: Listing,
        *,
        order: Iterable[int] | None = None,
        offsets: Iterable[int] | None = None,
        lengths: Iterable[int] | None = None,
        memory: Sequence[Buffer | Fresh] | None = None,
        targets: Listing | None = None,
        etags: Iterable[str] | None = None,
        options: StreamOptions = StreamOptions(),  # noqa: B008 - it is immutable
        event_fd: bool = False,
    ) -> None:
        """Start `op` on the URIs of `listing`; returns at once.

        Args:
            client: whom to ask.
            op: what to do.
            listing: URIs, with their sizes where known.
            order: which entry each request is about; default: each entry once.
            offsets: of each request, the first byte to read; default 0.
            lengths: of each request, the number of bytes to read, -1 to the end; default -1.
            memory: of each request, the data to PUT, or the memory that GET writes to, which must be writable. It is
                used until the stream has ended or is closed, and must not change meanwhile.
            targets: of each COPY, where to store the object.
            etags: of each GET, the ETag that the object must have for as long as it is read, as listings have it, or ""
                for any. Where it has another, the error of the item is a ChangedError.
            options: how to work.
            event_fd: whether `fileno` and `take_async` will be used.

        Raises InvalidError where the arguments do not fit together.
        """
        self._library, client_handle = client.handle()
        self._has_views = memory is None and op in _WITH_DATA
        self._ready: list[Item] = []  # taken from the library, and not yet handed out
        self._failure: S3DlioError | None = None  # of the stream as a whole: comes after the items
        self._ended = False  # the library has no more items
        self._closed = False
        self._taking = threading.Lock()
        self._waiter = Waiter()
        self._allocate(1)
        requests = Requests(
            listing,
            order=order,
            offsets=offsets,
            lengths=lengths,
            memory=memory,
            writable=op is Op.GET,
            targets=targets,
            etags=etags,
        )
        self._has_memory = memory is not None
        self._may_wait = not event_fd
        self._library.return_leases()
        self._lease = Lease(self._library, requests)
        try:
            c_option, _kept = c_options(op, options, event_fd)
            code = self._library.c.s3d_stream_open(
                client_handle, requests.pointer, c_option, self._lease.handle, self._error
            )
            self._library.check(code, self._error)
        except BaseException:
            self._let_go()
            raise
        self._handle = self._lease.handle[0]
        self._fd = self._library.c.s3d_stream_event_fd(self._handle) if event_fd else -1

    def take(self, wanted: int = 1, capacity: int = 64) -> list[Item]:
        """Wait for `wanted` items and take up to `capacity`; fewer than wanted only at the end, where [] follows.

        Raises ClosedError where the stream has been closed, or belongs to the process that this one was forked from,
        and the error of the stream as a whole, such as a listing that failed. The errors of requests are in the items.
        """
        wanted = min(wanted, capacity)
        while not self._has(wanted):
            self._fetch(wanted, capacity, POLL_MS)
        return self._hand_out(capacity)

    def take_ready(self, capacity: int = 64, timeout_ms: int = 0) -> list[Item]:
        """Take what is there, up to `capacity` items, waiting no longer than that for the first; see `finished`.

        Raises as `take` does.
        """
        if not self._has(1):
            self._fetch(1, capacity, timeout_ms)
        return self._hand_out(capacity)

    async def take_async(self, wanted: int = 1, capacity: int = 64) -> list[Item]:
        """`take` for asyncio. Where it is cancelled no item is lost: the next call has them.

        Other tasks have their turn at each call, so that a consumer of items that are always there can be cancelled.
        """
        wanted = min(wanted, capacity)
        await one_turn()
        while not self._has(wanted):
            self._fetch(wanted, capacity, 0)
            if not self._has(wanted):
                await self._readable()
        return self._hand_out(capacity)

    @property
    def finished(self) -> bool:
        """Whether everything has been taken."""
        return self._ended and not self._taken[0] and not self._ready and self._failure is None

    def is_settled(self) -> bool:
        """Whether the library uses no memory of the caller: data to PUT, or where GET writes. It does until the end."""
        return not self._has_memory or not self._library.is_usable() or self._lease.give_back(0)

    @property
    def moved(self) -> int:
        """Bytes that a COPY has written so far, those of unfinished objects included."""
        return int(self._library.c.s3d_stream_moved(self._handle)) if self._library.is_usable() else 0

    def fileno(self) -> int:
        """A descriptor that is readable while items wait or the stream has ended; needs ``event_fd=True``."""
        if self._fd < 0:
            raise InvalidError("this stream has no descriptor: open it with event_fd=True")
        return int(self._fd)

    def close(self) -> None:
        """Stop the requests and drop the items that have not been taken. It may be called more than once."""
        if self._closed or self._library.is_finished or not self._library.is_usable():
            return
        self._closed = True
        self._library.c.s3d_stream_cancel(self._handle)
        if not self._waiter.wake():  # else the waiting task lets go, once the descriptor is out of its event loop
            self._let_go()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self._may_wait = False
            self.close()

    def _has(self, wanted: int) -> bool:
        if not self._library.is_usable():
            raise ClosedError(
                f"this iterator was made by process {self._library.pid} and does not survive the fork into this one: "
                "make a new one here"
            )
        if self._closed:
            raise ClosedError("this stream has been closed")
        return len(self._ready) >= wanted or (self._ended and not self._taken[0])

    def _hand_out(self, capacity: int) -> list[Item]:
        if not self._ready and self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        ready = self._ready  # no call from here on: neither an interrupt nor another thread comes in between
        out = ready[:capacity]
        del ready[:capacity]
        return out

    def _fetch(self, wanted: int, capacity: int, timeout_ms: int) -> None:
        """Get items from the library, waiting for as many as are missing."""
        with self._taking:
            missing = wanted - len(self._ready)
            if missing > 0 and not self._taken[0] and not self._ended:  # taken: an interrupt came before _convert
                self._next(missing, capacity - len(self._ready), timeout_ms)
            if self._taken[0]:
                self._convert()
        if self._ended:
            self._let_go()

    def _next(self, wanted: int, capacity: int, timeout_ms: int) -> None:
        if capacity > self._capacity:
            self._allocate(capacity)
        code = self._library.c.s3d_stream_next(
            self._handle, self._items, capacity, wanted, timeout_ms, self._taken, self._finished, self._error
        )
        self._ended = bool(self._finished[0])
        if code:
            self._ended = True
            self._failure = from_json(self._library.text(self._error))

    def _allocate(self, capacity: int) -> None:
        """Make the memory that the library fills."""
        self._items = ffi().new("s3d_item[]", capacity)
        self._rows = memoryview(ffi().buffer(self._items))
        self._capacity = capacity
        self._taken = ffi().new("int64_t *")
        self._finished = ffi().new("int32_t *")
        self._error = ffi().new("s3d_text *")

    def _convert(self) -> None:
        """Make Items of what the library has filled in.

        An interrupt may come with every call. Until the last lines nothing has happened yet, and the next _fetch does
        it all again; these put the items where they are found, and make the views the owners of their buffers, in
        one call that runs no Python code.
        """
        items, views, buffers, texts = [], [], [], []
        new_view, has_views = self._library.view_type, self._has_views
        for index, code, micros, data, length, size, buffer, text, text_length in _ITEM.iter_unpack(
            self._rows[: self._taken[0] * _ITEM.size]
        ):
            error, view, content = None, None, ""
            if text:
                content = ctypes.string_at(text, text_length).decode("utf-8", "surrogateescape")
                texts.append(text)
            if code:
                error, content = from_json(content), ""
            elif has_views:
                view = new_view()
                view._address, view._length = data, length
                views.append(view)
                buffers.append(buffer)
            items.append(Item(index, error, view, size, content, length, micros))
        take_over = chain(map(setattr, views, repeat("_buffer"), buffers), map(self._library.free_text, texts))
        self._ready += items
        self._taken[0] = 0
        deque(take_over, 0)

    async def _readable(self) -> None:
        try:
            await self._waiter.wait(self.fileno())
        finally:
            if self._closed:
                self._let_go()

    def _let_go(self) -> None:
        """Give the stream back to the library, and get back what it has borrowed as soon as it does not use it."""
        self._lease.close()
        patience = AT_END if self._ended else AT_CLOSE if self._may_wait else 0
        self._lease.give_back(patience if self._has_memory else 0)
        if self._closed:
            with self._taking:
                if self._taken[0]:
                    self._convert()
                self._ready.clear()
