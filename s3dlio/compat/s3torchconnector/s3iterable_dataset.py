"""`S3IterableDataset`: objects in the order of their listing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed
import torch.utils.data

from s3dlio.compat.s3torchconnector import _crossing  # noqa: F401 - what a DataLoader does with readers and bytes
from s3dlio.compat.s3torchconnector._dataset import Objects
from s3dlio.compat.s3torchconnector._s3bucket_key_data import S3BucketKeyData
from s3dlio.compat.s3torchconnector._s3client import S3Client, S3ClientConfig
from s3dlio.compat.s3torchconnector._s3dataset_common import (
    get_objects_from_prefix,
    get_objects_from_uris,
    identity,
)
from s3dlio.compat.s3torchconnector.s3reader import S3Reader, S3ReaderConstructorProtocol

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["S3IterableDataset"]

log = logging.getLogger("s3torchconnector.s3iterable_dataset")


class S3IterableDataset(Objects, torch.utils.data.IterableDataset[Any]):
    """A dataset for one pass after the other. Make one with `from_prefix` or `from_objects`.

    Each iteration lists, and reads, anew. With `enable_sharding` entry i of the listing goes to rank i % world_size,
    and of those of a rank entry j to worker j % num_workers; without it each of them has all.
    """

    _kind = "iterable"

    def __init__(
        self,
        region: str | None,
        get_dataset_objects: Callable[[S3Client], Iterable[S3BucketKeyData]],
        endpoint: str | None = None,
        transform: Callable[[S3Reader], Any] = identity,
        s3client_config: S3ClientConfig | None = None,
        enable_sharding: bool = False,
        reader_constructor: S3ReaderConstructorProtocol | None = None,
    ) -> None:
        super().__init__(region, get_dataset_objects, endpoint, transform, s3client_config, reader_constructor)
        self._enable_sharding = enable_sharding
        self._rank = 0
        self._world_size = 1
        if torch.distributed.is_initialized():
            self._rank = torch.distributed.get_rank()
            self._world_size = torch.distributed.get_world_size()

    @classmethod
    def from_objects(
        cls,
        object_uris: str | Iterable[str],
        *,
        region: str | None = None,
        endpoint: str | None = None,
        transform: Callable[[S3Reader], Any] = identity,
        s3client_config: S3ClientConfig | None = None,
        enable_sharding: bool = False,
        reader_constructor: S3ReaderConstructorProtocol | None = None,
    ) -> Self:
        """A dataset of these objects, in this order; no request is made.

        Args:
            object_uris: one URI or several, of any scheme.
            region: of the buckets; None leaves it to the environment.
            endpoint: base URL of the service; None leaves it to the environment.
            transform: makes a sample of a reader. It must pickle where workers are spawned.
            s3client_config: parameters of the client.
            enable_sharding: share the objects among ranks and workers.
            reader_constructor: which readers to make; see `S3ReaderConstructor`. None: sequential ones.
        """
        log.info("Building %s from_objects", cls.__name__)
        return cls(
            region,
            partial(get_objects_from_uris, object_uris),
            endpoint,
            transform=transform,
            s3client_config=s3client_config,
            enable_sharding=enable_sharding,
            reader_constructor=reader_constructor,
        )

    @classmethod
    def from_prefix(
        cls,
        s3_uri: str,
        *,
        region: str | None = None,
        endpoint: str | None = None,
        transform: Callable[[S3Reader], Any] = identity,
        s3client_config: S3ClientConfig | None = None,
        enable_sharding: bool = False,
        reader_constructor: S3ReaderConstructorProtocol | None = None,
    ) -> Self:
        """A dataset of all objects whose URI begins with `s3_uri`, which may be of any scheme; no request is made.

        The other arguments are those of `from_objects`.
        """
        log.info("Building %s from_prefix s3_uri=%r", cls.__name__, s3_uri)
        return cls(
            region,
            partial(get_objects_from_prefix, s3_uri),
            endpoint,
            transform=transform,
            s3client_config=s3client_config,
            enable_sharding=enable_sharding,
            reader_constructor=reader_constructor,
        )

    def __iter__(self) -> Iterator[Any]:
        entries = iter(self._get_dataset_objects(self._get_client()))
        if self._enable_sharding:
            entries = islice(entries, self._rank, None, self._world_size)
            worker = torch.utils.data.get_worker_info()
            if worker is not None:
                entries = islice(entries, worker.id, None, worker.num_workers)
        return map(self._get_transformed_object, self._get_client()._read_ahead(entries))
