"""`S3BucketKeyData`: one entry of a dataset."""

from __future__ import annotations

from typing import NamedTuple

from s3dlio.compat.s3torchconnectorclient._objects import ObjectInfo

__all__ = ["S3BucketKeyData"]


class S3BucketKeyData(NamedTuple):
    """Where an object is, and what the listing says of it; None where there was no listing."""

    bucket: str
    key: str
    object_info: ObjectInfo | None = None
