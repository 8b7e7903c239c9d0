"""`S3ReaderConstructor`: which readers a client makes."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from s3dlio.compat.s3torchconnector.s3reader.dcp_optimized import (
    DEFAULT_MAX_GAP_SIZE,
    FALLBACK_GUIDANCE,
    DCPOptimizedS3Reader,
    ItemRange,
    check_gap,
)
from s3dlio.compat.s3torchconnector.s3reader.protocol import (
    DCPS3ReaderConstructorProtocol,
    GetObjectInfo,
    GetStreamCallable,
    S3ReaderConstructorProtocol,
)
from s3dlio.compat.s3torchconnector.s3reader.ranged import RangedS3Reader
from s3dlio.compat.s3torchconnector.s3reader.s3reader import S3Reader
from s3dlio.compat.s3torchconnector.s3reader.sequential import SequentialS3Reader
from s3dlio.compat.s3torchconnectorclient._uris import join, parse_s3_uri

if TYPE_CHECKING:
    from torch.distributed.checkpoint.filesystem import _StorageInfo
    from torch.distributed.checkpoint.metadata import MetadataIndex
    from torch.distributed.checkpoint.planner import ReadItem

__all__ = ["DCPOptimizedConstructor", "S3ReaderConstructor"]


class DCPOptimizedConstructor:
    """Constructor of the readers of a distributed checkpoint's files: `DCPOptimizedS3Reader`.

    It must be told which items will be read (`S3StorageReader` does that), and pickles with what it was told.
    `max_gap_size`: see `DCPOptimizedS3Reader`.
    """

    def __init__(self, max_gap_size: int | float = DEFAULT_MAX_GAP_SIZE) -> None:
        check_gap(max_gap_size)
        self._max_gap_size = max_gap_size
        self._item_ranges_by_file: dict[str, list[ItemRange]] = {}  # by the URI of the file

    def set_item_ranges_by_file(
        self,
        plan_items: list[ReadItem],
        storage_data: dict[MetadataIndex, _StorageInfo],
        base_path: str | os.PathLike[str],
    ) -> None:
        """Take over the items of a plan, in its order, instead of what there was before.

        `storage_data` tells file, offset and length of each; `base_path` is the URI of the checkpoint.

        Raises ValueError where `storage_data` is empty, but the plan is not.
        """
        if plan_items and not storage_data:
            raise ValueError("storage_data must not be empty; required to map ReadItems to file ranges.")
        self._item_ranges_by_file = {}
        for plan_item in plan_items:
            stored = storage_data[plan_item.storage_index]
            uri = join(*parse_s3_uri(os.path.join(base_path, stored.relative_path)))
            item = ItemRange(stored.offset, stored.offset + stored.length)
            ranges = self._item_ranges_by_file.setdefault(uri, [])
            if item not in ranges[-1:]:  # a planner may read parts of an item one by one
                ranges.append(item)

    def __call__(
        self, bucket: str, key: str, get_object_info: GetObjectInfo, get_stream: GetStreamCallable
    ) -> S3Reader:
        """A reader of a file of the checkpoint, or one for any access of its metadata.

        Raises ValueError where no items of the file are known.
        """
        if key.endswith(".metadata"):
            return SequentialS3Reader(bucket, key, get_object_info, get_stream)
        uri = join(bucket, key)
        if uri not in self._item_ranges_by_file:
            raise ValueError(
                f"No ranges found for {uri}. Make sure range injection is used in 'S3StorageReader.prepare_local_plan'."
                f"\n{FALLBACK_GUIDANCE}"
            )
        return DCPOptimizedS3Reader(
            bucket,
            key,
            item_ranges=self._item_ranges_by_file[uri],
            get_object_info=get_object_info,
            get_stream=get_stream,
            max_gap_size=self._max_gap_size,
        )


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
    def dcp_optimized(max_gap_size: int | float = DEFAULT_MAX_GAP_SIZE) -> DCPS3ReaderConstructorProtocol:
        """Readers for the files of distributed checkpoints; see `DCPOptimizedS3Reader`. For `S3StorageReader`.

        Raises TypeError or ValueError for what is no `max_gap_size`.
        """
        return DCPOptimizedConstructor(max_gap_size)

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
