"""Writers of the library: one object from bytes that come piece by piece."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from s3dlio._native.client import Client
from s3dlio._native.header import ffi
from s3dlio._native.leases import Lease
from s3dlio._native.library import Library
from s3dlio._native.stream import POLL_MS
from s3dlio.errors import ClosedError, InvalidError, S3DlioError

if TYPE_CHECKING:
    from typing_extensions import Buffer


_NAMES = re.compile(":[^:]*:")  # of fields, in the format of a buffer


class Writer:
    """One object being written. Its calls may come from any thread; they are carried out one after the other.

    Attributes:
        uri: the object.
        ended: it was published, or given up.
        interrupted: an interrupt ended the call that was to publish it, and no later one has.
        told: the text of the last error that a call of the user has raised.
    """

    def __init__(self, client: Client, uri: str, options: Mapping[str, Any]) -> None:
        """Open it; does no network I/O. `options` as gosrc/internal/upload has them.

        Raises InvalidError or UnsupportedError for what is wrong with the URI or the options.
        """
        self.uri = uri
        self.ended = self.interrupted = False
        self.told = ""
        self._turn = threading.Lock()
        self._position = 0  # bytes handed to the library
        self._own: memoryview | None = None  # reserved memory that is not the library's
        self._done = ffi().new("int32_t *")
        self._taken = ffi().new("int64_t *")
        self._error = ffi().new("s3d_text *")
        self._library, client_handle = client.handle()
        self._library.return_leases()
        self._lent = _Lent()
        self._lease = _WriterLease(self._library, self._lent)
        name, text = uri.encode("utf-8", "surrogateescape"), json.dumps(dict(options)).encode()
        try:
            code = self._library.c.s3d_writer_open(
                client_handle, _string(name), _string(text), self._lease.handle, self._error
            )
            self._library.check(code, self._error)
        except BaseException:
            self._let_go()
            raise
        self._handle = self._lease.handle[0]

    def is_usable(self) -> bool:
        """Whether this process is the one that opened it."""
        return self._library.is_usable()

    def write(self, data: Buffer, *, lend: bool) -> int:
        """Append bytes; returns how many. With `lend` whole parts are sent from where they lie, else all is copied.

        Lent memory is kept until it is not used any more, and must not change until then.

        Raises InvalidError for what is no bytes-like object, ClosedError at the end, and what a part failed with.
        """
        if self._own is not None:
            raise self._invalid("space is reserved: commit it before anything else is written")
        memory, length = self._memory(data)
        with self._moving():
            if lend:
                self._lent.hold(self._position + length, memory)
            try:
                self._push(memory, length, lend)
            finally:
                if not lend:
                    ffi().release(memory)
            self._return_memory()
        return length

    def reserve(self, length: int) -> memoryview:
        """Space for `length` bytes, to be written to and then committed."""
        item = ffi().new("s3d_item *")
        with self._moving():
            if self._own is not None:
                raise self._invalid("space is reserved already: commit it first")
            try:
                self._until_done("reserve", length, POLL_MS, item)
                if self._done[0] < 0:
                    self._own = self._space(length)
                    return self._own
                view = self._library.view_type()
                view._address, view._length = int(ffi().cast("uintptr_t", item.data)), item.len
                view._buffer, item.buffer = item.buffer, 0
            finally:
                if item.buffer:
                    self._library.c.s3d_buffer_release(item.buffer)
        return memoryview(view)

    def _space(self, length: int) -> memoryview:
        try:
            return memoryview(bytearray(length))
        except (MemoryError, OverflowError) as error:
            raise self._invalid(f"there is no memory for {length} bytes: reserve less") from error

    def commit(self, length: int) -> None:
        """Append the first `length` bytes of the space that was reserved."""
        own = self._own
        if own is None:
            with self._moving():
                self._until_done("commit", length, POLL_MS)
                self._position += length
            return
        if not 0 <= length <= len(own):
            raise self._invalid(f"{len(own)} bytes are reserved: {length} cannot be committed")
        self._own = None
        self.write(own[:length], lend=True)

    def flush(self) -> None:
        """Wait until every full part is stored."""
        with self._moving():
            self._until_done("flush", POLL_MS)
            self._return_memory()

    def finish(self) -> dict[str, Any]:
        """Publish the object. Returns bytes_written, compressed_bytes, parts, etag and checksum, a number.

        It may be called again, also where an exception interrupted it: the work goes on meanwhile.
        """
        self._require_usable()
        if self._own is not None:
            raise self._invalid("reserved space was not committed")
        text = ffi().new("s3d_text *")
        with self._turn:
            self.interrupted = True
            try:
                self._until_done("finish", POLL_MS, text)
            except S3DlioError:
                self.interrupted = False
                raise
            self.interrupted = False
        self._end()
        result: dict[str, Any] = json.loads(self._library.text(text))
        return result

    def abort(self) -> None:
        """Give the object up; returns when every trace of it is removed. After the end it does nothing."""
        self._require_usable()
        while not self._library.c.s3d_writer_abort(self._handle, POLL_MS):
            pass
        self._end()

    def progress(self) -> tuple[int, int]:
        """How many bytes were accepted, and how many of the object have been made of them."""
        self._require_usable()
        state = ffi().new("s3d_writer_progress *")
        self._library.c.s3d_writer_state(self._handle, state)
        return state.taken, state.stored

    def __del__(self) -> None:
        if hasattr(self, "_handle") and self.is_usable() and not self._library.is_finished:
            self._let_go()

    def _memory(self, data: Buffer) -> tuple[Any, int]:
        try:
            view = memoryview(data)
            if "O" in _NAMES.sub("", view.format):
                raise TypeError("its elements are Python objects")
            memory = ffi().from_buffer(view if view.c_contiguous else view.tobytes())
        except (TypeError, ValueError, BufferError) as error:
            raise self._invalid(f"the data must be a bytes-like object, not {type(data).__name__}: {error}") from error
        return memory, len(memory)

    def _push(self, memory: Any, length: int, lend: bool) -> None:
        start, done, write = ffi().cast("char *", memory), 0, self._library.c.s3d_writer_write
        while done < length:
            code = write(self._handle, start + done, length - done, lend, POLL_MS, self._taken, self._error)
            done += self._taken[0]
            self._check(code)
        self._position += length

    def _until_done(self, name: str, *arguments: Any) -> None:
        """Call a function of the library until it says that it is done."""
        function = getattr(self._library.c, f"s3d_writer_{name}")
        self._done[0] = 0
        while not self._done[0]:
            self._check(function(self._handle, *arguments, self._done, self._error))

    def _check(self, code: int) -> None:
        try:
            self._library.check(code, self._error)
        except S3DlioError as error:
            self.told = str(error)
            raise

    @contextlib.contextmanager
    def _moving(self) -> Iterator[None]:
        """Around what moves bytes: what is torn by an interrupt must never be published."""
        self._require_usable()
        with self._turn:
            try:
                yield
            except S3DlioError:
                raise  # of the library, which knows what it means
            except BaseException:
                self._library.c.s3d_writer_abort(self._handle, 0)
                self.ended = True
                raise

    def _return_memory(self) -> None:
        if self._lent:
            state = ffi().new("s3d_writer_progress *")
            self._library.c.s3d_writer_state(self._handle, state)
            self._lent.return_until(state.in_use)

    def _invalid(self, text: str) -> InvalidError:
        return InvalidError(f"put {self.uri}: {text}", op="put", uri=self.uri)

    def _require_usable(self) -> None:
        if not self._library.is_usable():
            raise ClosedError(
                f"{self.uri}: this writer was opened by process {self._library.pid} and does not survive the fork into "
                "this one: open a new one here",
                op="put",
                uri=self.uri,
            )

    def _end(self) -> None:
        self.ended = True
        self._lease.give_back(0)

    def _let_go(self) -> None:
        self._lease.close()
        self._lease.give_back(0)


class _Lent:
    """Memory lent to a writer, with the byte of the stream that it ends at."""

    def __init__(self) -> None:
        self._exports: deque[tuple[int, Any]] = deque()

    def __len__(self) -> int:
        return len(self._exports)

    def hold(self, end: int, export: Any) -> None:
        self._exports.append((end, export))

    def return_until(self, position: int) -> None:
        """End the exports of what lies before a byte of the stream."""
        while self._exports and self._exports[0][0] <= position:
            ffi().release(self._exports.popleft()[1])

    def release(self) -> None:
        while self._exports:
            ffi().release(self._exports.popleft()[1])


class _WriterLease(Lease):
    """The memory lent to a writer, until the library has let go of it."""

    def __init__(self, library: Library, lent: _Lent) -> None:
        super().__init__(library, lent)

    def _free(self) -> None:
        self._library.c.s3d_writer_free(self.handle[0])

    def _is_drained(self, timeout: float) -> bool:
        return bool(self._library.c.s3d_writer_drained(self.handle[0], round(max(0, timeout) * 1000)))


def _string(text: bytes) -> Any:
    """An s3d_str; the text must live as long."""
    return ffi().new("s3d_str *", {"ptr": ffi().from_buffer(text), "len": len(text)})[0]
