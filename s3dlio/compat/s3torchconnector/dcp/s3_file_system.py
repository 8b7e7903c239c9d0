"""The names that s3torchconnector has in this module."""

from s3dlio.compat.s3torchconnector.dcp.file_system import S3FileSystem
from s3dlio.compat.s3torchconnector.dcp.storage import S3StorageReader, S3StorageWriter, StorageMetadata

__all__ = ["S3FileSystem", "S3StorageReader", "S3StorageWriter", "StorageMetadata"]
