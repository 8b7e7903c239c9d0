"""`S3Reader`: what all readers are."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from io import SEEK_SET
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["S3Reader"]


class S3Reader(ABC, io.BufferedIOBase):
    """A binary file for reading, whose content is an object."""

    @property
    @abstractmethod
    def bucket(self) -> str:
        """The bucket, or what stands for it: see `parse_s3_uri`."""

    @property
    @abstractmethod
    def key(self) -> str:
        """The key of the object."""

    @abstractmethod
    def read(self, size: int | None = None) -> bytes:
        """The next `size` bytes, fewer at the end; None or a negative number: all that are left."""

    @abstractmethod
    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        """Move to a byte, which is returned; behind the end it is the end."""

    @abstractmethod
    def tell(self) -> int:
        """Number of the byte that comes next."""

    @abstractmethod
    def readinto(self, buf: Buffer) -> int:
        """Fill `buf` with the bytes that come next; returns how many, 0 at the end."""

    def seekable(self) -> bool:
        """True."""
        return True

    def readable(self) -> bool:
        """True."""
        return True

    def writable(self) -> bool:
        """False."""
        return False
