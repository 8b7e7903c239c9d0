"""Bucket and key of a URI of any scheme: the only place that splits and joins them."""

from __future__ import annotations

from s3dlio.errors import S3DlioError
from s3dlio.operations import object_capabilities
from s3dlio.resolve import check_uri

__all__ = ["Bucket", "join", "parse_s3_uri"]

_S3 = "s3://"
_LOCAL = "/"  # what stands for the bucket where a scheme has none


class Bucket(str):
    """The name of a bucket or container of another scheme than S3, whose buckets are plain str.

    Attributes:
        scheme: such as "az".
    """

    __slots__ = ("scheme",)

    scheme: str

    def __new__(cls, name: str, scheme: str) -> Bucket:
        made = super().__new__(cls, name)
        made.scheme = scheme
        return made

    def __reduce__(self) -> tuple[type[Bucket], tuple[str, str]]:
        return Bucket, (str(self), self.scheme)


def parse_s3_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of a URI of any scheme that the library knows; the key may be empty, or a prefix.

    The bucket of another scheme than S3 is a `Bucket`. Local schemes have none: there it is "/", and the key is the
    path without its first slash.

    Raises:
        ValueError: "Only s3:// URIs are supported" for an unknown scheme; "Bucket name must be non-empty".
    """
    if isinstance(uri, str) and uri.startswith(_S3):
        bucket, _, key = uri[len(_S3) :].partition("/")
    else:
        bucket, key = _of_other_scheme(uri)
    if not bucket:
        raise ValueError("Bucket name must be non-empty")
    return bucket, key


def _of_other_scheme(uri: str) -> tuple[str, str]:
    try:
        check_uri(uri)
    except S3DlioError as error:
        raise ValueError("Only s3:// URIs are supported") from error
    scheme, _, place = uri.partition("://")
    bucket, _, key = place.partition("/")
    if not bucket and not object_capabilities(uri)["containers"] and place:
        bucket = _LOCAL
    return Bucket(bucket, scheme.lower()), key


def join(bucket: str, key: str) -> str:
    """The URI of an object or prefix."""
    scheme = getattr(bucket, "scheme", "s3")
    return f"{scheme}:///{key}" if bucket == _LOCAL else f"{scheme}://{bucket}/{key}"
