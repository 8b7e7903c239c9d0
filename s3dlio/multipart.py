"""`MultipartUploadWriter`: the older way to write an object piece by piece."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from s3dlio._left import Unfinished
from s3dlio._native import Client, Writer
from s3dlio.errors import InvalidError
from s3dlio.writer_options import WriterOptions

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["MultipartUploadWriter"]


class MultipartUploadWriter(Unfinished):
    """Writes one object in parts, of any scheme. A context manager: an exception inside aborts, else it closes.

    What holds for `ObjectWriter` holds here. An object of at most `part_size` bytes goes as a single request.
    """

    def __init__(
        self,
        bucket: str,
        key: str,
        part_size: int | None = None,
        max_in_flight: int | None = None,
        content_type: str | None = None,
        abort_on_drop: bool | None = None,
    ) -> None:
        """Open the object `key` of an S3 bucket.

        Args:
            bucket: name of the bucket.
            key: the object's key in it.
            part_size: bytes per part; None: 16 MiB. S3 takes 5 MiB to 5 GiB; less is raised.
            max_in_flight: parts sent at the same time; None: 8.
            content_type: content type of the object; None: the store's choice.
            abort_on_drop: what becomes of a writer that is dropped without `close`: True or None, nothing of it is
                stored; False, it is completed.

        Raises InvalidError for an argument that is of the wrong type or out of range.
        """
        for name, value in (("bucket", bucket), ("key", key)):
            if not isinstance(value, str) or not value:
                raise InvalidError(f"{name} must be a str that is not empty, not {value!r}", op="put")
        self._open(f"s3://{bucket}/{key}", part_size, max_in_flight, content_type, abort_on_drop)

    @classmethod
    def from_uri(
        cls,
        uri: str,
        part_size: int | None = None,
        max_in_flight: int | None = None,
        content_type: str | None = None,
        abort_on_drop: bool | None = None,
    ) -> MultipartUploadWriter:
        """Open the object at a URI of any scheme; the rest is as for the class itself."""
        writer = cls.__new__(cls)
        writer._open(uri, part_size, max_in_flight, content_type, abort_on_drop)
        return writer

    def _open(
        self,
        uri: str,
        part_size: int | None,
        max_in_flight: int | None,
        content_type: str | None,
        abort_on_drop: bool | None,
    ) -> None:
        if not isinstance(uri, str):
            raise InvalidError(f"a URI must be a str, not {uri!r} ({type(uri).__name__})", op="put")
        if abort_on_drop not in (None, True, False):
            raise InvalidError(f"abort_on_drop must be True, False or None, not {abort_on_drop!r}", op="put", uri=uri)
        options = WriterOptions.parse(part_size=part_size, max_in_flight=max_in_flight, content_type=content_type)
        self.uri = uri
        self._started_at = time.time()
        self._result: dict[str, Any] | None = None
        super().__init__(Writer(Client.get(), uri, options.for_library()), abort=abort_on_drop is not False)

    def write(self, data: Buffer, *, copy: bool = False) -> int:
        """Append a bytes-like object; returns its length in bytes.

        The memory of `data` is free for other use when this returns. Unless `copy`, large `bytes`, which cannot
        change, are kept and sent from where they lie; everything else is copied.

        Raises as `ObjectWriter.write` does.
        """
        return self._native.write(data, lend=not copy and isinstance(data, bytes))

    def reserve(self, n: int) -> memoryview:
        """Return space for `n` bytes, to be filled and then committed; in the part itself, where it has room for them.

        Nothing else can be written before `commit`. The space must not be written to after that.
        """
        return self._native.reserve(self._length("reserve", n, 0))

    def commit(self, n: int) -> None:
        """Append the first `n` bytes of what was reserved.

        Raises InvalidError where nothing is, or not as many; the space stays reserved then.
        """
        self._native.commit(self._length("commit", n, -sys.maxsize))

    def _length(self, name: str, n: int, least: int) -> int:
        number = n.__index__() if hasattr(n, "__index__") and not isinstance(n, bool) else None
        if number is None or not least <= number <= sys.maxsize:
            raise InvalidError(f"{self.uri}: {name} takes a number of bytes, not {n!r}", op="put", uri=self.uri)
        return number

    def flush(self) -> None:
        """Wait until all full parts are stored. A part that is not full stays: only the last one may be short."""
        self._native.flush()

    def close(self) -> dict[str, Any]:
        """Complete the object. Calling it again does nothing more.

        Returns a dict: etag, a str; total_bytes; parts, the number of requests that took the bytes; started_at and
        completed_at, in seconds since 1970.

        Raises as `ObjectWriter.finalize` does.
        """
        if self._result is None:
            done = self._native.finish()
            self._result = {
                "etag": done["etag"],
                "total_bytes": done["bytes_written"],
                "parts": done["parts"],
                "started_at": self._started_at,
                "completed_at": time.time(),
            }
        return dict(self._result)

    def abort(self) -> None:
        """Give the object up and remove what was stored of it. After `close` this does nothing."""
        if self._result is None:
            self._native.abort()

    def __enter__(self) -> MultipartUploadWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self.abort()
            return
        try:
            self.close()
        except BaseException:
            self.abort()
            raise

    def __repr__(self) -> str:
        return f"<MultipartUploadWriter of {self.uri}>"
