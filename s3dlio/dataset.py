"""Datasets: what a URI stands for, listed once, read at random or in passes."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from s3dlio._native import Client, Item, Op, Stream, StreamOptions
from s3dlio.batches import Batch
from s3dlio.errors import InvalidError
from s3dlio.items import DataItem, split_uri
from s3dlio.listing import Listing
from s3dlio.options import Options
from s3dlio.passes import Opened, Pass, data_item, data_view, stream_options
from s3dlio.progress import Progress
from s3dlio.resolve import check_uri, list_samples, locate
from s3dlio.sharding import Shard
from s3dlio.views import BytesView

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["PyDataset", "create_dataset", "new_progress", "shard_of"]

Step = TypeVar("Step")


def create_dataset(uri: str, options: Mapping[str, Any] | Options | None = None, /, **keywords: Any) -> PyDataset:
    """List what a URI stands for, and make it a dataset.

    A URI that ends in '/', a bucket or a local directory stands for everything below it. Any other stands for the
    object or file of exactly that name, else for what lies below it, else (on object stores) for every key that
    begins with it. Directories, and the empty objects that mark them, are no samples.

    Args:
        uri: such as ``s3://bucket/train/``, ``file:///data/train/`` or ``direct:///data/train/``.
        options: see `s3dlio.options.LoaderOptions`; keywords win.

    Raises:
        InvalidError: malformed URI; an unknown option, or a wrong value of one.
        UnsupportedError: unknown scheme.
        NotFoundError: nothing is there, or nothing that matches ``pattern``.
    """
    chosen = Options.parse(options, **keywords)
    client = Client.get(chosen.client_config())
    return PyDataset(list_samples(client, locate(client, check_uri(uri)), chosen), chosen)


def shard_of(options: Options) -> Shard:
    """The samples that the sharding options give to this process."""
    return Shard.of(options.shard_rank, options.shard_world_size, options.worker_id, options.num_workers_pytorch)


def new_progress(options: Options, epoch: int, shard: Shard | None = None) -> Progress:
    """The beginning of a pass in the order and, if `shard` is None, of the shard that the options say."""
    seed = options.seed if options.shuffle else None
    return Progress(epoch, seed, shard_of(options) if shard is None else shard)


class PyDataset:
    """Samples of a fixed listing. Make one with `create_dataset` or `PyDataset.from_uris`.

    ``len``, ``[i]``, `keys` and `uris` concern all samples in the order of the listing. Iterating is a pass: it
    follows the options (shuffle, sharding, batches), each step is a `BytesView` or, with ``batch_size``, a `Batch`
    of them, and each ``for`` starts a new one. The iterator of a pass has ``state_dict()`` and, before its first step,
    ``load_state_dict(state)``. A dataset pickles to its listing and its options; it holds no connection and no
    credential.
    """

    def __init__(self, listing: Listing, options: Options) -> None:
        self.listing = listing
        self.options = options
        self.epoch = 0

    @classmethod
    def from_uris(
        cls, uris: Iterable[str], options: Mapping[str, Any] | Options | None = None, /, **keywords: Any
    ) -> PyDataset:
        """A dataset of exactly these objects, in this order; no request is made.

        Raises:
            InvalidError: a URI is no str, or an option is wrong.
        """
        chosen = Options.parse(options, **keywords)
        if chosen.pattern is not None:
            raise InvalidError("option pattern applies to a listing: leave out of from_uris the URIs you do not want")
        names = [uris] if isinstance(uris, str) else list(uris)
        for name in names:
            if not isinstance(name, str):
                raise InvalidError(f"a URI must be a str, not {type(name).__name__} ({name!r})")
        return cls(Listing.from_uris(names), chosen)

    def with_options(self, options: Mapping[str, Any] | Options | None = None, /, **keywords: Any) -> PyDataset:
        """The same samples and epoch, with what is given in place of these options."""
        other = PyDataset(self.listing, self.options.updated(options, **keywords))
        other.epoch = self.epoch
        return other

    def __len__(self) -> int:
        return len(self.listing)

    @overload
    def __getitem__(self, index: slice) -> PyDataset: ...
    @overload
    def __getitem__(self, index: int) -> BytesView: ...
    def __getitem__(self, index: int | slice) -> BytesView | PyDataset:
        """The content of one sample; of a slice, a dataset of these samples.

        Raises:
            IndexError: there is no such sample.
            S3DlioError: it could not be read.
        """
        if isinstance(index, slice):
            return self.subset(range(*index.indices(len(self))))
        (view,) = self.__getitems__([index])
        return view

    def __getitems__(self, indices: Sequence[int]) -> list[BytesView]:
        """The contents of several samples, fetched together."""
        return self.fetch(indices, data_view)

    def get_item(self, index: int) -> BytesView:
        """The content of one sample, as ``dataset[index]``."""
        return self[index]

    def fetch(self, indices: Sequence[int], make: Callable[[Item, Opened], Step]) -> list[Step]:
        """What `make` makes of the samples at these indices, in their order."""
        return self._fetch(indices, make, None)

    def fetch_into(self, indices: Sequence[int], memory: Sequence[Buffer]) -> list[int]:
        """Read the samples at these indices into memory of the caller; returns their lengths in bytes.

        Args:
            indices: which samples.
            memory: for each a writable, contiguous buffer. It must not be used meanwhile.

        Raises:
            InvalidError: a sample is larger than its buffer.
            S3DlioError: a sample could not be read.
        """
        return self._fetch(indices, lambda item, _: item.length, memory)

    def _fetch(
        self, indices: Sequence[int], make: Callable[[Item, Opened], Step], memory: Sequence[Buffer] | None
    ) -> list[Step]:
        order = array("q", map(self._position, indices))
        options = replace(stream_options(self.options), ordered=True, prefetch=0)  # all of them are wanted now
        samples: Pass[Step] = Pass(
            lambda _: self.open_samples(order, options, False, memory), make, self.options, batched=False
        )
        with samples:
            found: list[Step] = []
            while len(found) < len(order):  # an error comes after the samples before it
                found += samples.collect_batch(len(order) - len(found))
            return found

    def _position(self, index: int) -> int:
        position = operator.index(index)
        if position < 0:
            position += len(self)
        if not 0 <= position < len(self):
            raise IndexError(f"sample {index} of a dataset of {len(self)}")
        return position

    def size(self, index: int) -> int:
        """The size of one sample in bytes, as it was listed; -1 where that is not known."""
        return self.listing.sizes[self._position(index)]

    def subset(self, indices: Iterable[int]) -> PyDataset:
        """A dataset of the samples at these indices, in their order."""
        other = PyDataset(self.listing.select(array("q", map(self._position, indices))), self.options)
        other.epoch = self.epoch
        return other

    def uris(self) -> list[str]:
        """The URIs of all samples."""
        return self.listing.uris()

    def keys(self) -> list[str]:
        """The keys of all samples inside their bucket; for local files their absolute paths."""
        return [split_uri(uri)[1] for uri in self.uris()]

    def set_epoch(self, epoch: int) -> None:
        """Choose the random order of the passes to come (with ``shuffle``); must be the same on all ranks."""
        self.epoch = operator.index(epoch)

    def __iter__(self) -> Pass[Any]:
        return self.start_pass(data_view)

    def __aiter__(self) -> Pass[Any]:
        return self.start_pass(data_view)

    def items(self) -> Pass[DataItem]:
        """A pass over the samples one by one, each with its URI."""
        return self.start_pass(data_item, batched=False)

    def start_pass(
        self,
        make: Callable[[Item, Opened], Any],
        *,
        epoch: int | None = None,
        shard: Shard | None = None,
        batched: bool = True,
        progress: Progress | None = None,
        gather: Callable[[list[Any]], Any] = Batch,
        group: int | None = None,
    ) -> Pass[Any]:
        """A pass over what `make` makes of each sample; nothing is fetched before its first step.

        Args:
            make: called with each item and its stream.
            epoch: of the random order; None: as `set_epoch` had it.
            shard: the samples to read; None: as the options have it.
            batched: False yields samples one by one whatever ``batch_size`` is.
            gather: called with the list of what was made for a batch.
            group: so many samples shall lie side by side, if they can; None: those of a batch.
            progress: says where the pass begins, and keeps how far it comes; it stands for epoch and shard.
        """
        progress = progress or new_progress(self.options, self.epoch if epoch is None else epoch, shard)
        if group is None:
            group = (self.options.batch_size or 0) if batched else 0
        open_stream = partial(self.open, progress, group)
        return Pass(open_stream, make, self.options, batched=batched, progress=progress, gather=gather)

    def open(self, progress: Progress, group: int, event_fd: bool) -> Opened:
        """Start fetching the samples of a pass, so many of them side by side."""
        return self.open_samples(progress.begin(self.listing), stream_options(self.options, group), event_fd)

    def open_samples(
        self,
        order: Sequence[int] | None,
        options: StreamOptions,
        event_fd: bool,
        memory: Sequence[Buffer] | None = None,
    ) -> Opened:
        """Start fetching the samples at these indices; None: all of them.

        `memory` is as `fetch_into` has it; without it they are read into the memory of the library.
        """
        client = Client.get(self.options.client_config())
        stream = Stream(client, Op.GET, self.listing, order=order, memory=memory, options=options, event_fd=event_fd)
        place = range(len(self)) if order is None else order
        return Opened(stream, lambda item: self.listing.uri(place[item.index]))

    def __repr__(self) -> str:
        first = f" from {self.listing.uri(0)}" if len(self) else ""
        return f"<PyDataset of {len(self)} samples{first}>"
