"""The iterable dataset: samples stream in, ahead of the training loop."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NoReturn

import torch
from torch.utils.data import IterableDataset, default_collate, get_worker_info

from s3dlio.dataset import PyDataset, new_progress, shard_of
from s3dlio.errors import InvalidError
from s3dlio.passes import Pass
from s3dlio.progress import Progress, check_listing, check_order
from s3dlio.sharding import WHOLE
from s3dlio.states import State, parse_state
from s3dlio.torch.distributed import rank_shard
from s3dlio.torch.samples import ReturnType, SampleMaker
from s3dlio.torch.source import Source, choose_options, find_samples
from s3dlio.torch.windows import open_windows

NOBODY = -1  # no worker
DEAF = -2  # workers that a state did not reach
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
        self._batch_length = _shared_int(0)  # once it is known
        self._make = SampleMaker(return_type, transform, self._batch_length)
        chosen = choose_options(uri, options, **keywords)
        told = chosen.shard_world_size is not None
        ranks = rank_shard() if enable_sharding and not told else WHOLE
        self._dataset = find_samples(uri, chosen, ranks)
        given = shard_of(chosen)
        self._shard = given if told else ranks.split(given.index, given.count)
        self._enable_sharding = enable_sharding
        # shared memory, because workers that persist see several epochs
        self._epoch = _shared_int(0)
        self._progress: Progress | None = None  # of the latest pass in this process
        self._resume: State | None = None  # where the next pass begins
        self._workers = _shared_int(NOBODY)  # the first that have begun a pass since the state was loaded

    @property
    def dataset(self) -> PyDataset:
        """All samples, before sharding."""
        return self._dataset

    def set_epoch(self, epoch: int) -> None:
        """Choose the random order of the passes to come (with ``shuffle``); must be the same on all ranks.

        Call it before each epoch. It reaches running workers too.
        """
        self._epoch.fill_(operator.index(epoch))

    def state_dict(self) -> dict[str, Any]:
        """How far the latest pass in this process has come: what it has handed out, not what it has fetched.

        A small dict that goes through JSON and pickle. Where DataLoader workers run the passes, ask
        ``torchdata.stateful_dataloader.StatefulDataLoader`` for the state, which asks this method in each of them.

        Raises InvalidError where workers run the passes, but it is not one that is asked.
        """
        if self._resume is not None and int(self._workers) == NOBODY:
            progress = self._new_progress()
            progress.load(self._resume)
            return progress.state_dict()
        if get_worker_info() is None and int(self._workers) != NOBODY:
            raise InvalidError(
                "the passes of this dataset run in DataLoader workers, so the dataset here does not know how far they "
                "are: use torchdata's StatefulDataLoader, and save the state_dict() of that"
            )
        return (self._progress or self._new_progress()).state_dict()

    def load_state_dict(self, state: Any) -> None:
        """Let the next pass go on behind what a state says, in its epoch; the pass after it is a whole one again.

        It reaches the workers of a DataLoader that begin afterwards, whatever their number; those that persist from
        before raise InvalidError at their next pass. Another `set_epoch` gives the state up. The state of a pass that
        had ended says nothing: the next one is a whole one.

        Args:
            state: what `state_dict` returned, here or in a StatefulDataLoader; or the list of those of all ranks.

        Raises:
            InvalidError: it is damaged, or was saved with another order, or does not include all ranks and workers.
            ChangedError: it is of another listing.
        """
        loaded = parse_state(state)
        check_order(loaded, self._new_progress().seed)
        check_listing(loaded, self._dataset.listing)
        self._resume = None if loaded.ended else loaded
        if get_worker_info() is None:
            self._epoch.fill_(loaded.epoch)
            if self._resume is not None:
                self._workers.fill_(DEAF)  # those that persist have a dataset of their own, without this state
            self._workers = _shared_int(NOBODY)  # workers of other DataLoaders keep the one before

    def __iter__(self) -> Iterator[Any]:
        if get_worker_info() is not None and int(self._workers) == DEAF:
            return iter(_refuse_to_begin, None)  # at the first step a DataLoader passes errors on to the parent
        self._progress = self._new_progress()
        if self._takes_resume():
            assert self._resume is not None, "there is a state to take"
            self._progress.load(self._resume)
        self._resume = None
        dataset, progress = self._dataset, self._progress
        if dataset.options.batch_size:
            self._batch_length.fill_(dataset.options.batch_size)
        if not self._make.keeps_memory or dataset.options.order == "completion":
            return dataset.start_pass(self._make, progress=progress, gather=default_collate, group=0)
        fetch = partial(open_windows, dataset, progress, self._batch_length)
        return Pass(fetch, self._make, dataset.options, progress=progress, gather=default_collate)

    def _new_progress(self) -> Progress:
        worker = get_worker_info() if self._enable_sharding else None
        shard = self._shard if worker is None else self._shard.split(worker.id, worker.num_workers)
        return new_progress(self._dataset.options, int(self._epoch), shard)

    def _takes_resume(self) -> bool:
        """Whether the pass that begins is the one that goes on.

        Workers that do not persist are copies of a dataset that does not hear of their passes. Those of one iteration
        of a DataLoader have a base seed in common, and the first of them leaves it for all that come later.
        """
        info = get_worker_info()
        base = NOBODY if info is None else info.seed - info.id
        begun = int(self._workers)
        if info is None or begun == NOBODY:
            self._workers.fill_(base)
        return self._resume is not None and self._resume.epoch == int(self._epoch) and begun in (NOBODY, base)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_progress": None}  # belongs to a pass of this process

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for shared in (self._epoch, self._workers, self._batch_length):
            shared.share_memory_()  # type: ignore[no-untyped-call]  # an ordinary pickle made a private copy

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._dataset)} samples>"


def _refuse_to_begin() -> NoReturn:
    raise InvalidError(
        "a state was loaded after this worker had begun, which does not reach it: load the state before the first "
        "pass of a DataLoader with persistent_workers, or make a new DataLoader"
    )


def _shared_int(value: int) -> torch.Tensor:
    made = torch.tensor(value, dtype=torch.int64)
    made.share_memory_()  # type: ignore[no-untyped-call]
    return made
