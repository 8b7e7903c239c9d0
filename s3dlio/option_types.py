"""The options by name, for type checkers; `s3dlio.options` says what they mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, TypedDict

__all__ = ["ClientOptions", "LoaderOptions", "Order", "ReaderMode", "Strategy", "TransferOptions"]

Order = Literal["ordered", "completion"]
ReaderMode = Literal["range", "sequential"]
Strategy = Literal["round_robin", "least_busy"]


class ClientOptions(TypedDict, total=False):
    """The options of the functions."""

    endpoint_url: str
    endpoints: Sequence[str]
    strategy: Strategy
    region: str
    profile: str
    anonymous: bool
    force_path_style: bool | None
    ca_bundle: str
    connect_timeout: float
    request_timeout: float
    retry_timeout: float
    max_attempts: int
    direct_fallback: bool
    multipart_threshold: int
    restore_status: bool
    user_agent: str


class TransferOptions(ClientOptions, total=False):
    """The options of `upload` and `download`."""

    part_size: int
    memory_budget: int


class LoaderOptions(ClientOptions, total=False):
    """The options of datasets and loaders."""

    batch_size: int | None
    drop_last: bool
    shuffle: bool
    seed: int
    order: Order
    recursive: bool
    pattern: str | re.Pattern[str] | None
    shard_rank: int | None
    shard_world_size: int | None
    worker_id: int | None
    num_workers_pytorch: int | None
    num_workers: int
    prefetch: int | None
    max_concurrent: int
    max_inflight_parts: int
    part_size: int
    reader_mode: ReaderMode
    memory_budget: int
    skip_head: bool
