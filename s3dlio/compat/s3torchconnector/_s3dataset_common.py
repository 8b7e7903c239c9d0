"""What the datasets have in common: URIs, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from s3dlio.compat.s3torchconnector._s3bucket_key_data import S3BucketKeyData
from s3dlio.compat.s3torchconnector._s3client import S3Client
from s3dlio.compat.s3torchconnector.s3reader import S3Reader
from s3dlio.compat.s3torchconnectorclient._uris import parse_s3_uri

__all__ = ["get_objects_from_prefix", "get_objects_from_uris", "identity", "parse_s3_uri"]


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
