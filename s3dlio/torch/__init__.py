"""Datasets for ``torch.utils.data.DataLoader``, over any URI.

    from s3dlio.torch import S3IterableDataset
    from torch.utils.data import DataLoader

    for batch in DataLoader(S3IterableDataset("s3://bucket/train/"), batch_size=32, num_workers=4):
        ...

The names that begin with ObjectStore are the same classes.
"""

from __future__ import annotations

try:
    import torch as _torch  # noqa: F401 - only to say what is missing
except ImportError as error:
    raise ImportError("s3dlio.torch needs PyTorch. Install it with: pip install 's3dlio[torch]'") from error

from s3dlio.torch.iterable import S3IterableDataset
from s3dlio.torch.mapstyle import S3MapDataset
from s3dlio.torch.samples import ReturnType, SampleTensor

ObjectStoreIterableDataset = S3IterableDataset
ObjectStoreMapDataset = S3MapDataset

__all__ = [
    "ObjectStoreIterableDataset",
    "ObjectStoreMapDataset",
    "ReturnType",
    "S3IterableDataset",
    "S3MapDataset",
    "SampleTensor",
]
