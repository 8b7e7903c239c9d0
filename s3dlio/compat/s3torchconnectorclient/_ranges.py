"""`Ranges`: parts of one object that somebody will read in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from s3dlio._native import Client, Op, Stream, StreamOptions
from s3dlio.compat.s3torchconnectorclient._exceptions import S3Exception, told
from s3dlio.errors import ChangedError, OutOfRangeError, S3DlioError
from s3dlio.listing import Listing

__all__ = ["Ranges"]

AHEAD = 64 << 20  # bytes fetched, or being fetched, and not taken; with more, memory is touched that is new


class Ranges:
    """Ranges of one object, as (start, end), in ascending order: each comes in one piece, all are of one version.

    Those to come are fetched meanwhile, up to `AHEAD` bytes, and the next one however long it is. The engine decides
    which of them share a request, because little or nothing lies between them, and splits what is longer than a part;
    what else lies between them is not fetched.

    Attributes:
        size: of the object, in bytes; -1 unknown.
        etag: of the version; "" unknown.
    """

    def __init__(
        self,
        engine: Client,
        options: StreamOptions,
        listing: Listing,
        ranges: Sequence[tuple[int, int]],
        etag: str,
    ) -> None:
        self.size = -1
        self.etag = etag
        self._uri = "".join(listing.uris())
        self._stream = Stream(
            engine,
            Op.GET,
            listing,
            order=[0] * len(ranges),
            offsets=[start for start, _ in ranges],
            lengths=[end - start for start, end in ranges],
            etags=[etag] * len(ranges) if etag else None,
            options=replace(options, memory_budget=min(options.memory_budget, AHEAD)),
        )

    def take(self) -> memoryview:
        """The bytes of the next range: fewer, or none, where the object ends before it does."""
        try:
            (item,) = self._stream.take(1, 1)
            if item.error is not None:
                raise item.error
            self._check(item.text)
        except S3DlioError as error:
            if isinstance(error, OutOfRangeError) and self.size >= 0:
                return memoryview(b"")
            raise S3Exception(told(error, "get")) from error
        self.size = item.size
        return memoryview(b"" if item.view is None else item.view)

    def _check(self, etag: str) -> None:
        """What was asked for at once knows of no version yet: the first answer says which it is."""
        if self.etag and etag != self.etag:
            raise ChangedError(
                f"{self._uri} has changed while it was read: its ETag is {etag}, not {self.etag}",
                op="get",
                uri=self._uri,
            )
        self.etag = etag

    def close(self) -> None:
        """Stop fetching."""
        self._stream.close()
