"""Memory that the library uses: it is kept, whatever happens in Python, until the library lets go of it."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Protocol

from s3dlio._native.header import ffi

if TYPE_CHECKING:
    from s3dlio._native.library import Library


class Lent(Protocol):
    """What holds the memory."""

    def release(self) -> None:
        """End the exports of it."""


class Lease:
    """One stream of the library, and the memory lent to it.

    It is among `Library.leases` from before the stream is opened until the library has let go, so that no exception,
    garbage collection or end of the program frees the memory earlier. The library itself writes the handle.

    Attributes:
        handle: pointer to the handle of the stream, 0 before it is open.
        closed: the stream is of no more use to anybody.
    """

    __slots__ = ("_library", "_requests", "closed", "handle")

    def __init__(self, library: Library, requests: Lent) -> None:
        self._library = library
        self._requests: Lent | None = requests
        self.handle: Any = ffi().new("s3d_stream *")
        self.closed = False
        library.leases.add(self)
        if library.is_finished:
            self.leak()

    def close(self) -> None:
        """Stop the stream; does not wait."""
        if not self.closed:
            self._library.closing.add(self)
            self._free()
            self.closed = True  # last, for an interrupt may come before: then it is done again

    def give_back(self, timeout: float) -> bool:
        """Once the library has let go, end the exports of the memory. Waits for at most `timeout` seconds."""
        if self._requests is None:
            self._library.closing.discard(self)
            return True
        if not self._is_drained(timeout):
            return False
        self._library.leases.discard(self)
        self._library.closing.discard(self)
        requests, self._requests = self._requests, None
        if requests is not None:
            requests.release()
        return True

    def _free(self) -> None:
        self._library.free_stream(self.handle[0])

    def _is_drained(self, timeout: float) -> bool:
        library, handle = self._library, self.handle[0]
        return bool(
            library.is_drained(handle, 0)
            or (timeout > 0 and library.c.s3d_stream_drained(handle, round(timeout * 1000)))
        )

    def leak(self) -> None:
        """Keep the memory for ever: the program ends, but the library cannot stop using it."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))
