"""`S3ReaderConstructor`: which readers a client makes."""

from __future__ import annotations

from functools import partial

from s3dlio.compat.s3torchconnector.s3reader.protocol import S3ReaderConstructorProtocol
from s3dlio.compat.s3torchconnector.s3reader.ranged import RangedS3Reader
from s3dlio.compat.s3torchconnector.s3reader.sequential import SequentialS3Reader

__all__ = ["DCPOptimizedConstructor", "S3ReaderConstructor"]


class DCPOptimizedConstructor:
    """Constructor of the readers of a distributed checkpoint's files."""


class S3ReaderConstructor:
    """The kinds of readers, as constructors that pickle."""

    @staticmethod
    def sequential() -> S3ReaderConstructorProtocol:
        """Readers for any access, that read the object once; see `SequentialS3Reader`."""
        return partial(SequentialS3Reader)

    @staticmethod
    def range_based(buffer_size: int | None = None) -> S3ReaderConstructorProtocol:
        """Readers for few parts of large objects; see `RangedS3Reader`."""
        return partial(RangedS3Reader, buffer_size=buffer_size)

    @staticmethod
    def default() -> S3ReaderConstructorProtocol:
        """The sequential ones."""
        return S3ReaderConstructor.sequential()

    @staticmethod
    def get_reader_type_string(constructor: S3ReaderConstructorProtocol | None) -> str:
        """ "sequential" (also for None), "range_based", "dcp_optimized" or "unknown"."""
        if constructor is None:
            constructor = S3ReaderConstructor.default()
        if isinstance(constructor, DCPOptimizedConstructor):
            return "dcp_optimized"
        made = constructor.func if isinstance(constructor, partial) else None
        if made is SequentialS3Reader:
            return "sequential"
        return "range_based" if made is RangedS3Reader else "unknown"
