"""The iterable dataset: samples stream in, ahead of the training loop."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import IterableDataset, default_collate, get_worker_info

from s3dlio.dataset import PyDataset, shard_of
from s3dlio.sharding import WHOLE
from s3dlio.torch.distributed import rank_shard
from s3dlio.torch.samples import ReturnType, SampleMaker
from s3dlio.torch.source import Source, choose_options, find_samples

__all__ = ["S3IterableDataset"]


class S3IterableDataset(Source, IterableDataset[Any]):
    """The samples that a URI stands for, streamed.

    They are listed once, here, and never in a worker. Each sample comes exactly once over all ranks and DataLoader
    workers; nothing is padded or dropped, so ranks may differ by one sample. The ranks are those of
    torch.distributed, which must be initialised before; then rank 0 lists for all, so every rank must construct the
    dataset. With the options ``shard_rank`` and ``shard_world_size``, and for a `PyDataset`, nothing is sent between
    ranks: what they list or are given must be the same.

    Args:
        uri: what to load, as for `create_dataset`; or a `PyDataset`.
        options: see `s3dlio.options.LoaderOptions`; keywords win. With ``batch_size`` each step is a collated batch,
            for ``DataLoader(dataset, batch_size=None)``.
        return_type: "tensor" (uint8, shape (size,), in the memory it was fetched into), "bytes", or "item" (a
            `DataItem` with .uri .bucket .key .data .read()).
        transform: called with each sample, in the worker; its result takes the sample's place. It must pickle for
            workers that are spawned.
        enable_sharding: False gives all samples to every rank and every worker; each rank then lists for itself.

    Raises:
        UnsupportedError: unknown scheme.
        NotFoundError: nothing is there.
        InvalidError: a wrong option or argument.
    """

    def __init__(
        self,
        uri: str | PyDataset,
        options: Mapping[str, Any] | None = None,
        *,
        return_type: ReturnType = "tensor",
        transform: Callable[[Any], Any] | None = None,
        enable_sharding: bool = True,
        **keywords: Any,
    ) -> None:
        super().__init__()
        self._make = SampleMaker(return_type, transform)
        chosen = choose_options(uri, options, **keywords)
        told = chosen.shard_world_size is not None
        ranks = rank_shard() if enable_sharding and not told else WHOLE
        self._dataset = find_samples(uri, chosen, ranks)
        given = shard_of(chosen)
        self._shard = given if told else ranks.split(given.index, given.count)
        self._enable_sharding = enable_sharding
        # shared memory, because workers that persist see several epochs
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    @property
    def dataset(self) -> PyDataset:
        """All samples, before sharding."""
        return self._dataset

    def set_epoch(self, epoch: int) -> None:
        """Choose the random order of the passes to come (with ``shuffle``); must be the same on all ranks.

        Call it before each epoch. It reaches running workers too.
        """
        self._epoch.fill_(operator.index(epoch))

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info() if self._enable_sharding else None
        shard = self._shard if worker is None else self._shard.split(worker.id, worker.num_workers)
        steps = self._dataset.start_pass(self._make, epoch=int(self._epoch), shard=shard)
        return steps if self._dataset.options.batch_size is None else map(default_collate, steps)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._epoch.share_memory_()  # an ordinary pickle made a private copy

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._dataset)} samples>"
