"""Clients."""

from s3dlio.compat.s3torchconnector._s3client._mock_s3client import MockS3Client
from s3dlio.compat.s3torchconnector._s3client._s3client import S3Client
from s3dlio.compat.s3torchconnector._s3client.s3client_config import S3ClientConfig

__all__ = ["MockS3Client", "S3Client", "S3ClientConfig"]
