"""`PutObjectStream`: an object being stored."""

from __future__ import annotations

from s3dlio._left import Unfinished
from s3dlio._native import Client, Writer
from s3dlio.compat.s3torchconnectorclient._exceptions import S3Exception, in_its_words
from s3dlio.options import Options
from s3dlio.writer_options import WriterOptions

__all__ = ["PutObjectStream"]


class PutObjectStream(Unfinished):
    """Takes the bytes of an object one after the other, and publishes it when it is closed.

    Until then nothing is visible. A stream that fails, is aborted, or is dropped without having been closed leaves
    nothing behind.

    Attributes:
        bucket: where the object is stored.
        key: of the object.
    """

    def __init__(
        self, engine: Client, options: Options, uri: str, bucket: str, key: str, storage_class: str | None
    ) -> None:
        self.bucket = bucket
        self.key = key
        self._part_size = options.part_size
        self._closed = False
        how = WriterOptions.parse(part_size=options.part_size, storage_class=storage_class)
        super().__init__(Writer(engine, uri, how.for_library()), abort=True)

    def __repr__(self) -> str:
        return f"<PutObjectStream of {self._native.uri}>"

    def write(self, data: bytes) -> None:
        """Append `data`. Large bytes are sent from where they lie: they cannot change.

        Raises TypeError for what is not bytes; S3Exception where an earlier part could not be stored, after `close`.
        """
        if not isinstance(data, bytes):
            raise TypeError(f"argument 'data': '{type(data).__name__}' object cannot be converted to 'bytes'")
        if self._closed:
            raise S3Exception("Cannot write to closed object")
        with in_its_words("put"):
            self._native.write(data, lend=len(data) >= self._part_size)

    def write_view(self, data: memoryview) -> None:
        """Append a copy of what `data` shows; else as `write`."""
        if self._closed:
            raise S3Exception("Cannot write to closed object")
        with in_its_words("put"):
            self._native.write(data, lend=False)

    def close(self) -> None:
        """Publish the object. Raises S3Exception where that fails: nothing is left of it then."""
        if self._closed:
            raise S3Exception("Cannot close object more than once")
        self._closed = True
        try:
            with in_its_words("put"):
                self._native.finish()
        except BaseException:
            self._give_up()
            raise

    def abort(self) -> None:
        """Give the object up, and remove what was stored of it. After `close` this does nothing."""
        if not self._closed:
            self._closed = True
            with in_its_words("put"):
                self._give_up()

    def is_usable(self) -> bool:
        """Whether this process has opened it; one that was forked later leaves it to its parent."""
        return self._native.is_usable()

    def _give_up(self) -> None:
        if self.is_usable():
            self._native.abort()
