"""The map-style dataset: samples by index, in whatever order a sampler asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.utils.data import Dataset

from s3dlio.dataset import PyDataset
from s3dlio.errors import InvalidError
from s3dlio.options import Options
from s3dlio.progress import check_listing
from s3dlio.states import State
from s3dlio.torch.blocks import fetch_block
from s3dlio.torch.distributed import rank_shard
from s3dlio.torch.samples import ReturnType, SampleMaker, SampleTensor
from s3dlio.torch.source import Source, choose_options, find_samples

__all__ = ["S3MapDataset"]

LISTING = "s3dlio_listing"  # the key of a state
SAMPLERS = ("batch_size", "drop_last", "shuffle", "order", "shard_rank", "shard_world_size", "worker_id",
            "num_workers_pytorch")  # fmt: skip


class S3MapDataset(Source, Dataset[Any]):
    """The samples that a URI stands for, by index; a batch is fetched together.

    They are listed once, here, and never in a worker. With torch.distributed initialised rank 0 lists for all, so
    every rank must construct the dataset; a `PyDataset` is taken as it is. Order, batches and sharding are the
    sampler's (``DistributedSampler``) and the DataLoader's; options for them are refused.

    Args:
        uri: what to load, as for `create_dataset`; or a `PyDataset`.
        options: see `s3dlio.options.LoaderOptions`; keywords win.
        return_type: "tensor" (uint8, shape (size,), in the memory it was fetched into), "bytes", or "item" (a
            `DataItem` with .uri .bucket .key .data .read()).
        transform: called with each sample, in the worker; its result takes the sample's place. It must pickle for
            workers that are spawned.

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
        **keywords: Any,
    ) -> None:
        super().__init__()
        self._make = SampleMaker(return_type, transform)
        chosen = choose_options(uri, options, **keywords)
        _refuse_sampling(chosen)
        self._dataset = find_samples(uri, chosen, rank_shard())

    @property
    def dataset(self) -> PyDataset:
        """The samples as they are stored."""
        return self._dataset

    def state_dict(self) -> dict[str, Any]:
        """Which samples these are, for `load_state_dict`. What was handed out is the sampler's to say.

        ``torchdata.stateful_dataloader.StatefulDataLoader`` asks for it, and keeps it with the state of the sampler.
        """
        return {LISTING: self._dataset.listing.digest(), "total": len(self)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Check that these are the samples of a state.

        Raises:
            ChangedError: they are not: the positions that a sampler has saved would be those of other samples.
            InvalidError: this is no state of a map-style dataset.
        """
        if not isinstance(state, Mapping) or set(state) != {LISTING, "total"}:
            raise InvalidError("this is no state of a map-style dataset: load what its state_dict() returned")
        check_listing(State(total=state["total"], listing=state[LISTING]), self._dataset.listing)

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        """One sample. Raises IndexError where there is none."""
        (sample,) = self.__getitems__([index])
        return sample

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Several samples, fetched together: what a DataLoader asks for."""
        block = fetch_block(self._dataset, indices) if self._make.return_type == "tensor" else None
        if block is None:
            return self._dataset.fetch(indices, self._make)
        return [self._make.finished(part.as_subclass(SampleTensor)) for part in block]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} samples>"


def _refuse_sampling(options: Options) -> None:
    for name in options.given():
        if name in SAMPLERS:
            raise InvalidError(
                f"option {name} does not apply to a map-style dataset. Give it to the DataLoader or its sampler, or "
                "use S3IterableDataset"
            )
