"""What the datasets have in common: URIs, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from s3dlio.compat.s3torchconnector import _crossing  # noqa: F401 - what a DataLoader does with readers
from s3dlio.compat.s3torchconnector._s3bucket_key_data import S3BucketKeyData
from s3dlio.compat.s3torchconnector._s3client import S3Client, S3ClientConfig
from s3dlio.compat.s3torchconnector._user_agent import UserAgent
from s3dlio.compat.s3torchconnector.s3reader import S3Reader, S3ReaderConstructor, S3ReaderConstructorProtocol
from s3dlio.compat.s3torchconnectorclient._uris import parse_s3_uri

__all__ = ["Objects", "get_objects_from_prefix", "get_objects_from_uris", "identity", "parse_s3_uri"]


def identity(obj: S3Reader) -> S3Reader:
    """The transform that leaves a reader as it is."""
    return obj


def get_objects_from_uris(object_uris: str | Iterable[str], client: S3Client) -> Iterable[S3BucketKeyData]:
    """The entries for one URI or several; no request is made. Raises ValueError as `parse_s3_uri` does."""
    uris = [object_uris] if isinstance(object_uris, str) else object_uris
    places = [parse_s3_uri(uri) for uri in uris]
    return (S3BucketKeyData(bucket, key) for bucket, key in places)


def get_objects_from_prefix(s3_uri: str, client: S3Client) -> Iterable[S3BucketKeyData]:
    """The entries for all keys that begin as `s3_uri` has it, in the order of the store, listed as they are needed.

    Raises ValueError as `parse_s3_uri` does; S3Exception where the listing fails.
    """
    bucket, prefix = parse_s3_uri(s3_uri)
    return Entries(client, bucket, prefix)


class Entries:
    """An iterator over a listing. A pickle of it goes on after the page that was taken last."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._pages = client.list_objects(bucket, prefix)
        self._page: Iterator[S3BucketKeyData] = iter(())

    def __iter__(self) -> Entries:
        return self

    def __next__(self) -> S3BucketKeyData:
        while (entry := next(self._page, None)) is None:
            found = next(self._pages).object_info
            self._page = iter([S3BucketKeyData(self._bucket, info.key, info) for info in found])
        return entry


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
