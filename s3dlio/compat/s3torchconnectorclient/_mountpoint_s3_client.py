"""The names of s3torchconnector's native module, of which the drop-in's parts are made."""

from __future__ import annotations

from s3dlio.compat.s3torchconnectorclient._client import MountpointS3Client
from s3dlio.compat.s3torchconnectorclient._exceptions import S3Exception
from s3dlio.compat.s3torchconnectorclient._get_object_stream import GetObjectStream
from s3dlio.compat.s3torchconnectorclient._list_object_stream import ListObjectStream
from s3dlio.compat.s3torchconnectorclient._mock_client import MockMountpointS3Client
from s3dlio.compat.s3torchconnectorclient._objects import (
    HeadObjectResult,
    ListObjectResult,
    ObjectInfo,
    RestoreStatus,
)
from s3dlio.compat.s3torchconnectorclient._put_object_stream import PutObjectStream
from s3dlio.compat.s3torchconnectorclient._version import __version__

__all__ = [
    "GetObjectStream",
    "HeadObjectResult",
    "ListObjectResult",
    "ListObjectStream",
    "MockMountpointS3Client",
    "MountpointS3Client",
    "ObjectInfo",
    "PutObjectStream",
    "RestoreStatus",
    "S3Exception",
    "__version__",
    "join_all_managed_threads",
]


def join_all_managed_threads(timeout_secs: float) -> None:
    """There is nothing to wait for: the library has no thread that a fork could disturb."""
