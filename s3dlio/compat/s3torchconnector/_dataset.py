"""`Objects`: what the two datasets have in common."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Iterable
from typing import Any

from torch.utils.data import get_worker_info

from s3dlio._native import keep_freed_memory
from s3dlio.compat.s3torchconnector._s3bucket_key_data import S3BucketKeyData
from s3dlio.compat.s3torchconnector._s3client import S3Client, S3ClientConfig
from s3dlio.compat.s3torchconnector._user_agent import UserAgent
from s3dlio.compat.s3torchconnector.s3reader import S3Reader, S3ReaderConstructor, S3ReaderConstructorProtocol

__all__ = ["Objects"]


@functools.cache
def _settle_in() -> None:
    """What helps a process that does nothing but load samples: a DataLoader worker, once."""
    keep_freed_memory()
    gc.freeze()  # what is there by now stays: looking through it again and again takes time, and copies its pages


class Objects:
    """What the two datasets have in common: a client of their own, and samples made of its readers."""

    _kind: str  # in the user agent

    def __init__(
        self,
        region: str | None,
        get_dataset_objects: Callable[[S3Client], Iterable[S3BucketKeyData]],
        endpoint: str | None,
        transform: Callable[[S3Reader], Any],
        s3client_config: S3ClientConfig | None,
        reader_constructor: S3ReaderConstructorProtocol | None,
    ) -> None:
        self._region = region
        self._get_dataset_objects = get_dataset_objects
        self._endpoint = endpoint
        self._transform = transform
        self._s3client_config = s3client_config
        self._reader_constructor = reader_constructor or S3ReaderConstructor.default()
        self._client: S3Client | None = None

    @property
    def region(self) -> str | None:
        """Region of the buckets; None leaves it to the environment."""
        return self._region

    @property
    def endpoint(self) -> str | None:
        """Base URL of the service; None leaves it to the environment."""
        return self._endpoint

    def _get_client(self) -> S3Client:
        if get_worker_info() is not None:
            _settle_in()  # before it lists: entries are many new objects, which may set off a collection of all
        if self._client is None:
            reader = S3ReaderConstructor.get_reader_type_string(self._reader_constructor)
            self._client = S3Client(
                self.region,
                endpoint=self.endpoint,
                user_agent=UserAgent([f"md/dataset#{self._kind} md/reader_type#{reader}"]),
                s3client_config=self._s3client_config,
            )
        return self._client

    def _get_transformed_object(self, entry: S3BucketKeyData) -> Any:
        return self._transform(
            self._get_client().get_object(
                entry.bucket,
                entry.key,
                object_info=entry.object_info,
                reader_constructor=self._reader_constructor,
            )
        )
