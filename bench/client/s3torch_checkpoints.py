"""Checkpoints of PyTorch in s3torchconnector: torch.save, torch.load, and a distributed one, read in part."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from s3torchconnector import S3Checkpoint, S3ClientConfig, S3ReaderConstructor

from bench.checkpoints import State, raw
from bench.task import CHECKPOINT, Task

__all__ = ["dcp_load", "torch_load", "torch_save"]


def _config() -> S3ClientConfig:
    return S3ClientConfig(force_path_style=True)


def _checkpoint(task: Task) -> S3Checkpoint:
    return S3Checkpoint(task.region, task.endpoint, _config())


def _uri(task: Task) -> str:
    return f"s3://{task.bucket}/{task.prefix}{CHECKPOINT}"


def torch_save(task: Task, state: State) -> None:
    """torch.save to a writer."""
    with _checkpoint(task).writer(_uri(task)) as writer:
        torch.save(state, writer)


def torch_load(task: Task) -> Iterator[Any]:
    """torch.load of a reader."""
    with _checkpoint(task).reader(_uri(task)) as reader:
        yield from raw(torch.load(reader))


def dcp_load(task: Task, state: State) -> None:
    """The weights alone out of a distributed checkpoint, to tensors that are there."""
    from s3torchconnector.dcp import S3StorageReader
    from torch.distributed.checkpoint.state_dict_loader import load

    gap = {} if task.gap < 0 else {"max_gap_size": task.gap}
    reader = S3StorageReader(
        task.region,
        f"s3://{task.bucket}/{task.prefix.rstrip('/')}",
        s3client_config=_config(),
        reader_constructor=S3ReaderConstructor.dcp_optimized(**gap),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that no processes take part in it
        load(state, storage_reader=reader, no_dist=True)
