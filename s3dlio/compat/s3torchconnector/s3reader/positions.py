"""Positions in a file whose end is where seeking stops: what the sequential and the ranged reader have in common."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from io import SEEK_CUR, SEEK_END, SEEK_SET
from typing import TYPE_CHECKING, Any

from s3dlio.compat.s3torchconnector.s3reader.protocol import GetObjectInfo, GetStreamCallable
from s3dlio.compat.s3torchconnector.s3reader.s3reader import S3Reader
from s3dlio.compat.s3torchconnector.s3reader.sources import Known, Streams
from s3dlio.compat.s3torchconnectorclient._objects import HeadObjectResult, ObjectInfo

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from s3dlio.compat.s3torchconnector._luggage import Luggage

__all__ = ["CARRIED", "Positioned", "wanted_bytes", "writable"]

_CALL = 8192  # bytes that somebody takes who wants some
CARRIED = 1 << 20  # bytes of the object, at most, that go along when a reader is pickled or copied


class Positioned(S3Reader):
    """A reader with a position.

    Raises ValueError where `bucket` is empty.
    """

    def __init__(self, bucket: str, key: str, get_object_info: GetObjectInfo, get_stream: GetStreamCallable) -> None:
        if not bucket:
            raise ValueError("Bucket should be specified")
        self._bucket = bucket
        self._key = key
        self._get_object_info = get_object_info
        self._get_stream = get_stream
        self._streams = Streams(get_stream)
        self._size: int | None = None  # of the object, once it is needed or seen
        self._position = 0
        self._luggage: tuple[Luggage, int, int] | None = None  # the whole object, in memory that processes share

    @property
    def bucket(self) -> str:
        """The bucket, or what stands for it: see `parse_s3_uri`."""
        return self._bucket

    @property
    def key(self) -> str:
        """The key of the object."""
        return self._key

    @cached_property
    def _object_info(self) -> ObjectInfo | HeadObjectResult:
        return self._get_object_info()

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        """Move to a byte, counted from the beginning, from here (SEEK_CUR) or from the end (SEEK_END); returns it.

        Behind the end it is the end. Raises ValueError in front of the beginning, and for an unknown `whence`;
        TypeError for what is no int.
        """
        if not isinstance(offset, int):
            raise TypeError(f"integer argument expected, got {type(offset)!r}")
        if not isinstance(whence, int):
            raise TypeError(f"integer argument expected, got {type(whence)!r}")
        if whence == SEEK_END:
            target = self._get_size() + min(offset, 0)
        elif whence == SEEK_CUR:
            target = self._position + (min(offset, 0) if self._position_at_end() else offset)
        elif whence == SEEK_SET:
            target = offset
        else:
            raise ValueError("Seek must be passed SEEK_CUR, SEEK_SET, or SEEK_END")
        if target < 0:
            raise ValueError(f"negative seek value {target}")
        self._position = self._within(target)
        return self._position

    def tell(self) -> int:
        """Number of the byte that comes next."""
        return self._position

    def read1(self, size: int = -1) -> bytes:
        """As `read`, but a negative `size` means as many as are worth a call. For `io.TextIOWrapper`."""
        return self.read(size if size >= 0 else _CALL)

    def peek(self, size: int = 0) -> bytes:
        """The bytes that come next, without moving; how many there are is not what `size` says. For `readline`."""
        position = self._position
        try:
            return self.read(_CALL)
        finally:
            self._position = position

    def _description(self) -> dict[str, Any]:
        """What another reader of the object is made with."""
        return {
            "bucket": self._bucket,
            "key": self._key,
            "get_object_info": self._get_object_info,
            "get_stream": self._get_stream,
        }

    @abstractmethod
    def _receive(self, content: memoryview) -> None:
        """From now on read from this: it is the whole object."""

    def _whole(self) -> bytes | None:
        """The whole object, if it has been read already."""
        return None

    @abstractmethod
    def _within(self, target: int) -> int:
        """A position that is not behind the end."""

    def _get_size(self) -> int:
        if self._size is None:
            self._size = self._object_info.size
        return self._size

    def _likely_size(self) -> int | None:
        """The size if it is known, or the listing has told it; nobody is asked."""
        if self._size is None and isinstance(self._get_object_info, Known):
            return self._get_object_info().size
        return self._size

    def _position_at_end(self) -> bool:
        """Whether it is known that this is the end."""
        return self._position == self._size


def wanted_bytes(size: int | None) -> int:
    """What `read` was asked for: -1 for all."""
    if size is None:
        return -1
    if not isinstance(size, int):
        raise TypeError(f"argument should be integer or None, not {type(size)!r}")
    return max(size, -1)


def writable(buf: Buffer) -> memoryview:
    """The bytes of a buffer that `readinto` is given. Raises TypeError for what is none, or read-only."""
    try:
        view = memoryview(buf)
    except TypeError:
        view = memoryview(b"")
    if view.readonly:
        raise TypeError(f"argument must be a writable bytes-like object, not {type(buf).__name__}")
    return view.cast("B") if view.nbytes else memoryview(bytearray())
