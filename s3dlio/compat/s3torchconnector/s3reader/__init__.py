"""Readers: files that are objects."""

from s3dlio.compat.s3torchconnector.s3reader.constructor import DCPOptimizedConstructor, S3ReaderConstructor
from s3dlio.compat.s3torchconnector.s3reader.dcp_optimized import DCPOptimizedS3Reader, ItemRange, RangeGroup
from s3dlio.compat.s3torchconnector.s3reader.protocol import (
    DCPS3ReaderConstructorProtocol,
    GetStreamCallable,
    S3ReaderConstructorProtocol,
)
from s3dlio.compat.s3torchconnector.s3reader.ranged import RangedS3Reader
from s3dlio.compat.s3torchconnector.s3reader.s3reader import S3Reader
from s3dlio.compat.s3torchconnector.s3reader.sequential import SequentialS3Reader

__all__ = [
    "DCPOptimizedConstructor",
    "DCPOptimizedS3Reader",
    "DCPS3ReaderConstructorProtocol",
    "GetStreamCallable",
    "ItemRange",
    "RangeGroup",
    "RangedS3Reader",
    "S3Reader",
    "S3ReaderConstructor",
    "S3ReaderConstructorProtocol",
    "SequentialS3Reader",
]
