"""What programs may write themselves: constructors of readers, and where readers get their bytes from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from s3dlio.compat.s3torchconnector.s3reader.s3reader import S3Reader
from s3dlio.compat.s3torchconnectorclient._objects import HeadObjectResult, ObjectInfo

if TYPE_CHECKING:
    from torch.distributed.checkpoint.filesystem import _StorageInfo
    from torch.distributed.checkpoint.metadata import MetadataIndex
    from torch.distributed.checkpoint.planner import ReadItem

    from s3dlio.compat.s3torchconnector.s3reader.dcp_optimized import ItemRange

__all__ = [
    "DCPS3ReaderConstructorProtocol",
    "GetObjectInfo",
    "GetStreamCallable",
    "S3ReaderConstructorProtocol",
]

GetObjectInfo = Callable[[], ObjectInfo | HeadObjectResult]


class GetStreamCallable(Protocol):
    """Begins to read an object, or its bytes `start` to `end`, which is not included."""

    def __call__(self, start: int | None = None, end: int | None = None) -> Iterator[bytes]:
        """The bytes, piece by piece."""
        ...


@runtime_checkable
class S3ReaderConstructorProtocol(Protocol):
    """Makes readers."""

    def __call__(
        self, bucket: str, key: str, get_object_info: GetObjectInfo, get_stream: GetStreamCallable
    ) -> S3Reader:
        """A reader of an object. It calls `get_object_info` if it needs the size, and `get_stream` for the bytes."""
        ...


@runtime_checkable
class DCPS3ReaderConstructorProtocol(Protocol):
    """Makes readers of the files of a distributed checkpoint, once it was told which ranges of them will be read."""

    _item_ranges_by_file: dict[str, list[ItemRange]]

    def __call__(
        self, bucket: str, key: str, get_object_info: GetObjectInfo, get_stream: GetStreamCallable
    ) -> S3Reader:
        """A reader of one file."""
        ...

    def set_item_ranges_by_file(
        self,
        plan_items: list[ReadItem],
        storage_data: dict[MetadataIndex, _StorageInfo],
        base_path: str | os.PathLike[str],
    ) -> None:
        """Take over which ranges a plan will read. `base_path` is the directory of the checkpoint."""
        ...
