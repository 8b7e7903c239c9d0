"""One listing for all ranks of torch.distributed."""

from __future__ import annotations

from collections.abc import Callable

import torch.distributed as dist

from s3dlio.listing import Listing
from s3dlio.sharding import WHOLE, Shard

__all__ = ["one_listing", "rank_shard"]


def rank_shard() -> Shard:
    """The shard of this rank; WHOLE where torch.distributed is not initialised."""
    if not (dist.is_available() and dist.is_initialized()):
        return WHOLE
    return Shard(dist.get_rank(), dist.get_world_size())


def one_listing(make: Callable[[], Listing], shard: Shard) -> Listing:
    """What rank 0 lists, on every rank: an object that appears meanwhile changes nothing.

    A collective call: every rank takes part. What `make` raises on rank 0 is raised on all of them.
    """
    if shard.count == 1:
        return make()
    box: list[Listing | Exception | None] = [_outcome(make) if shard.index == 0 else None]
    dist.broadcast_object_list(box, src=0)
    (outcome,) = box
    if isinstance(outcome, Exception):
        raise outcome
    assert outcome is not None, "rank 0 sends a listing or an error"
    return outcome


def _outcome(make: Callable[[], Listing]) -> Listing | Exception:
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - every rank raises it
        return error
