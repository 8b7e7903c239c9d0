"""`S3Writer`: a file that is written to an object."""

from __future__ import annotations

import io
import logging
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from s3dlio.compat.s3torchconnectorclient._mountpoint_s3_client import PutObjectStream

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["S3Writer"]

logger = logging.getLogger("s3torchconnector.s3writer")


class S3Writer(io.BufferedIOBase):
    """A binary file for writing, for torch.save for instance. The object is published when the writer is closed.

    Before that nothing is visible. A writer that is left by an exception in its ``with`` block, or dropped without
    having been closed, leaves nothing behind: s3torchconnector 1.5.0 publishes what was written until then.

    Attributes:
        stream: what the bytes go to.
    """

    def __init__(self, stream: PutObjectStream) -> None:
        self.stream = stream
        self._position = 0
        self._closed = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._position = 0
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        if exc_type is None:
            self.close()
            return
        logger.info("Exception occurred before closing stream: %s: %s", exc_type.__name__, _text_of(exc_val))
        self._abort()

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        """Append bytes; returns how many.

        Raises ValueError after `close`, TypeError for what is neither bytes nor a memoryview, S3Exception where an
        earlier part could not be stored.
        """
        self._checkClosed()  # of io.IOBase
        if isinstance(data, memoryview):
            self.stream.write_view(data)
            size = data.nbytes
        else:
            self.stream.write(data)
            size = len(data)
        self._position += size
        return size

    def close(self) -> None:
        """Publish the object; again it does nothing. Raises S3Exception where that fails, and nothing is left then."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self.stream.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed, or given up."""
        return self._closed

    def flush(self) -> None:
        """Does nothing: an object is published as a whole."""

    def readable(self) -> bool:
        """False."""
        return False

    def writable(self) -> bool:
        """Whether it is open."""
        return not self.closed

    def tell(self) -> int:
        """How many bytes were written."""
        return self._position

    def _abort(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self.stream.abort()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True) and self.stream.is_usable():
            logger.warning("%s was dropped before it was closed: nothing is stored", self.stream)
            self._abort()


def _text_of(error: BaseException | None) -> str:
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001 - some program's exception: it must not hide behind its own text
        return f"<{type(failure).__name__} in its text>"
