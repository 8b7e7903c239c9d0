"""`S3MapDataset`: objects by their number in a listing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch.utils.data

from s3dlio.compat.s3torchconnector import _crossing  # noqa: F401 - what a DataLoader does with readers and bytes
from s3dlio.compat.s3torchconnector._accesses import Accesses
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

    from s3dlio.compat.s3torchconnectorclient._ahead import Pass

__all__ = ["S3MapDataset"]

log = logging.getLogger("s3torchconnector.s3map_dataset")


class S3MapDataset(Objects, torch.utils.data.Dataset[Any]):
    """A dataset for access in any order. Make one with `from_prefix` or `from_objects`.

    The listing is made when it is first needed, and goes along in a pickle.
    """

    _kind = "map"

    def __init__(
        self,
        region: str | None,
        get_dataset_objects: Callable[[S3Client], Iterable[S3BucketKeyData]],
        endpoint: str | None = None,
        transform: Callable[[S3Reader], Any] = identity,
        s3client_config: S3ClientConfig | None = None,
        reader_constructor: S3ReaderConstructorProtocol | None = None,
    ) -> None:
        super().__init__(region, get_dataset_objects, endpoint, transform, s3client_config, reader_constructor)
        self._bucket_key_pairs: list[S3BucketKeyData] | None = None
        self._accesses = Accesses(self._reading, self.__len__)

    @classmethod
    def from_objects(
        cls,
        object_uris: str | Iterable[str],
        *,
        region: str | None = None,
        endpoint: str | None = None,
        transform: Callable[[S3Reader], Any] = identity,
        s3client_config: S3ClientConfig | None = None,
        reader_constructor: S3ReaderConstructorProtocol | None = None,
    ) -> Self:
        """A dataset of these objects, in this order; no request is made. See `S3IterableDataset.from_objects`."""
        log.info("Building %s from_objects", cls.__name__)
        return cls(
            region,
            partial(get_objects_from_uris, object_uris),
            endpoint,
            transform=transform,
            s3client_config=s3client_config,
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
        reader_constructor: S3ReaderConstructorProtocol | None = None,
    ) -> Self:
        """A dataset of all objects whose URI begins with `s3_uri`, of any scheme; no request is made.

        See `S3IterableDataset.from_prefix`.
        """
        log.info("Building %s from_prefix s3_uri=%r", cls.__name__, s3_uri)
        return cls(
            region,
            partial(get_objects_from_prefix, s3_uri),
            endpoint,
            transform=transform,
            s3client_config=s3client_config,
            reader_constructor=reader_constructor,
        )

    @property
    def _dataset_bucket_key_pairs(self) -> Sequence[S3BucketKeyData]:
        if self._bucket_key_pairs is None:
            self._bucket_key_pairs = list(self._get_dataset_objects(self._get_client()))
        return self._bucket_key_pairs

    def __getitem__(self, i: int) -> Any:
        entry = self._dataset_bucket_key_pairs[i]
        self._accesses.follow(i % len(self))
        return self._get_transformed_object(entry)

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """The samples at these indices, as a DataLoader asks for them: read together, if they are read at all."""
        self._accesses.expect([i % len(self) for i in indices])
        return [self[i] for i in indices]

    def _reading(self, indices: Iterator[int], patience: int) -> Pass[S3BucketKeyData]:
        """A pass over the entries at these indices."""
        entries = self._dataset_bucket_key_pairs
        return self._get_client()._read_ahead((entries[i] for i in indices), patience)

    def __len__(self) -> int:
        return len(self._dataset_bucket_key_pairs)
