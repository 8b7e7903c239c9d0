"""Checkpoints: sharded, checked, and all or nothing, on every scheme.

Ranks store their shards, each under a name that never comes twice. A manifest, stored last and as a whole, makes a
checkpoint of them: who reads sees all of it or none (docs/guide/checkpoints.md).
"""

from s3dlio.checkpoint.manifests import CheckpointInfo
from s3dlio.checkpoint.reading import PyCheckpointReader
from s3dlio.checkpoint.store import (
    PyCheckpointStore,
    finalize_distributed_checkpoint,
    load_checkpoint,
    load_checkpoint_with_validation,
    save_checkpoint,
    save_distributed_shard,
)
from s3dlio.checkpoint.writing import PyCheckpointStream, PyCheckpointWriter

__all__ = [
    "CheckpointInfo",
    "PyCheckpointReader",
    "PyCheckpointStore",
    "PyCheckpointStream",
    "PyCheckpointWriter",
    "finalize_distributed_checkpoint",
    "load_checkpoint",
    "load_checkpoint_with_validation",
    "save_checkpoint",
    "save_distributed_shard",
]
