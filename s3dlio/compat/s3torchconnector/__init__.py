"""The interface of s3torchconnector 1.5.0 on s3dlio's engine, for objects of any scheme.

A program written for s3torchconnector runs unchanged after its imports are changed to this package, or with them
redirected: ``python -m s3dlio.compat.s3torchconnector SCRIPT``. docs/guide/migrating-from-s3torchconnector.md says
where this is better on purpose.
"""

from s3dlio.compat.s3torchconnector._s3client.s3client_config import S3ClientConfig
from s3dlio.compat.s3torchconnector._version import __version__
from s3dlio.compat.s3torchconnector.s3checkpoint import S3Checkpoint
from s3dlio.compat.s3torchconnector.s3iterable_dataset import S3IterableDataset
from s3dlio.compat.s3torchconnector.s3map_dataset import S3MapDataset
from s3dlio.compat.s3torchconnector.s3reader import S3Reader, S3ReaderConstructor
from s3dlio.compat.s3torchconnector.s3writer import S3Writer
from s3dlio.compat.s3torchconnectorclient import S3Exception

__all__ = [
    "S3Checkpoint",
    "S3ClientConfig",
    "S3Exception",
    "S3IterableDataset",
    "S3MapDataset",
    "S3Reader",
    "S3ReaderConstructor",
    "S3Writer",
    "__version__",
]
