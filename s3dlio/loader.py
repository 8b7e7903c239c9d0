"""Loaders: passes over a dataset, or over what a URI stands for while it is still being listed."""

from __future__ import annotations

import operator
import re
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any

from s3dlio._native import Client, Item, Op, Stream, StreamOptions
from s3dlio.dataset import PyDataset, create_dataset, new_progress, shard_of
from s3dlio.items import DataItem
from s3dlio.listing import Listing
from s3dlio.options import Options
from s3dlio.passes import Opened, Pass, data_item, data_view, stream_options
from s3dlio.progress import Progress, check_listing
from s3dlio.resolve import check_uri, list_samples, locate, require_samples
from s3dlio.states import State, parse_state

__all__ = ["PyBytesAsyncDataLoader", "create_async_loader"]


def create_async_loader(
    uri: str, options: Mapping[str, Any] | Options | None = None, /, **keywords: Any
) -> PyBytesAsyncDataLoader:
    """A loader of what a URI stands for; see `create_dataset` for what that is.

    The scheme and the options are checked here; the network is first used at the first step. Without ``shuffle`` and
    without a regular expression as ``pattern``, samples are fetched while the listing is still under way, and every
    pass lists anew. Otherwise the listing is made once, by the first pass.

    Args:
        uri: such as ``s3://bucket/train/``, ``file:///data/train/`` or ``direct:///data/train/``.
        options: see `s3dlio.options.LoaderOptions`; keywords win.

    Raises:
        InvalidError: malformed URI; an unknown option, or a wrong value of one.
        UnsupportedError: unknown scheme.
    """
    return PyBytesAsyncDataLoader(check_uri(uri), options, **keywords)


class PyBytesAsyncDataLoader:
    """An iterable, async and plain, over samples: a `BytesView` a step, or a `Batch` of them with ``batch_size``.

    Every ``async for`` or ``for`` is a pass of its own; leaving it (``break``, an error, a cancelled task) stops the
    fetching. Leaving a ``with`` or ``async with`` block, or `close`, stops all passes. The error of a sample is raised
    at the sample's place, after all samples before it. Processes that share the samples by the sharding options must
    see one listing: give them one pickled `PyDataset` where objects may appear meanwhile.
    """

    def __init__(
        self, source: PyDataset | str, options: Mapping[str, Any] | Options | None = None, /, **keywords: Any
    ) -> None:
        """A loader over a dataset, or over a URI as `create_async_loader` makes it.

        Options of the dataset apply where none are given here.
        """
        if isinstance(source, PyDataset):
            self._source: PyDataset | str = source
            self.options = source.options.updated(options, **keywords)
        else:
            self._source = check_uri(source)
            self.options = Options.parse(options, **keywords)
            _check(self.options)
        self._epoch: int | None = None
        self._progress: Progress | None = None  # of the latest pass
        self._resume: State | None = None  # where the next pass begins
        self._passes: weakref.WeakSet[Pass[Any]] = weakref.WeakSet()
        self._current: Pass[Any] | None = None  # of next(loader) and anext(loader)

    def set_epoch(self, epoch: int) -> None:
        """Choose the random order of the passes to come (with ``shuffle``); must be the same on all ranks.

        Another epoch than that of a state that was loaded and not used yet gives that state up.
        """
        self._epoch = operator.index(epoch)
        if self._resume is not None and self._resume.epoch != self._epoch:
            self._resume = None

    def state_dict(self) -> dict[str, Any]:
        """How far the latest pass has come: what it has handed out, not what it has fetched.

        A small dict that goes through JSON and pickle. A sample whose error was raised counts as handed out.
        """
        if self._resume is not None:
            return self._resumed_progress().state_dict()
        return (self._progress or self._new_progress()).state_dict()

    def load_state_dict(self, state: Any) -> None:
        """Let the next pass go on behind what a state says, in its epoch; the pass after it is a whole one again.

        The state of a pass that had ended says nothing: the next pass is a whole one.

        Args:
            state: what `state_dict` returned here, or a list of those of all ranks, where their number is another now.

        Raises:
            InvalidError: it is damaged, or was saved with another order, or does not include all ranks.
            ChangedError: it is of another listing. A loader over a URI lists, and finds out, at its first step.
        """
        loaded = parse_state(state)
        self._new_progress().load(loaded)
        if isinstance(self._source, PyDataset):
            check_listing(loaded, self._source.listing)
        self._epoch = loaded.epoch
        self._resume = None if loaded.ended else loaded

    def __iter__(self) -> Pass[Any]:
        return self._start(data_view)

    def __aiter__(self) -> Pass[Any]:
        return self._start(data_view)

    def __next__(self) -> Any:
        return next(self._current_pass())

    async def __anext__(self) -> Any:
        return await self._current_pass().__anext__()

    def _current_pass(self) -> Pass[Any]:
        if self._current is None:
            self._current = self._start(data_view)
        return self._current

    def items(self) -> Pass[DataItem]:
        """A pass over the samples one by one, each with its URI; it has ``collect_batch(n)`` too."""
        return self._start(data_item, batched=False)

    def close(self) -> None:
        """Stop all passes."""
        for each in list(self._passes):
            each.close()

    def __enter__(self) -> PyBytesAsyncDataLoader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> PyBytesAsyncDataLoader:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, make: Callable[[Item, Opened], Any], *, batched: bool = True) -> Pass[Any]:
        progress = self._resumed_progress()
        self._progress, self._resume = progress, None
        group = (self.options.batch_size or 0) if batched else 0
        fresh: Pass[Any] = Pass(
            partial(self._open, progress, group), make, self.options, batched=batched, progress=progress
        )
        self._passes.add(fresh)
        return fresh

    def _new_progress(self) -> Progress:
        epoch = self._source.epoch if isinstance(self._source, PyDataset) else 0
        return new_progress(self.options, epoch if self._epoch is None else self._epoch)

    def _resumed_progress(self) -> Progress:
        """How the next pass begins."""
        progress = self._new_progress()
        if self._resume is not None:
            progress.load(self._resume)
        return progress

    def _open(self, progress: Progress, group: int, event_fd: bool) -> Opened:
        lists_first = self.options.shuffle or isinstance(self.options.pattern, re.Pattern)
        if isinstance(self._source, str) and not lists_first:
            return open_listed(self._source, self.options, progress, group, event_fd)
        if isinstance(self._source, str):
            self._source = create_dataset(self._source, self.options)
        return self._source.with_options(self.options).open(progress, group, event_fd)

    def __repr__(self) -> str:
        return f"<PyBytesAsyncDataLoader of {self._source!r}>"


def open_listed(uri: str, options: Options, progress: Progress, group: int, event_fd: bool) -> Opened:
    """Fetch what the URI stands for while it is being listed; where a pass goes on, list it first."""
    client = Client.get(options.client_config())
    place = locate(client, uri)
    if place.size is not None or not progress.begin_unlisted():
        return PyDataset(list_samples(client, place, options), options).open(progress, group, event_fd)
    asked = _listed_options(options, group)
    stream = Stream(client, Op.GET_LISTED, Listing.from_uris([place.uri]), options=asked, event_fd=event_fd)
    return Opened(stream, lambda item: item.text, lambda: require_samples(client, place, options))


def _listed_options(options: Options, group: int = 0) -> StreamOptions:
    shard = shard_of(options)
    glob = options.pattern if isinstance(options.pattern, str) else ""
    return replace(stream_options(options, group), pattern=glob, shard_index=shard.index, shard_count=shard.count)


def _check(options: Options) -> None:
    """Let the library check the options, such as the form of a glob, by a stream that has nothing to do."""
    client = Client.get(options.client_config())
    Stream(client, Op.GET_LISTED, Listing.from_uris([]), options=_listed_options(options)).close()
