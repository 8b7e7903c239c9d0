"""Samples fetched side by side by the batch, though it is the DataLoader that knows how long its batches are.

The pass is fetched in windows, two of them at a time: while the samples of one are handed out, the next one fills. So
what the collating of the first batch tells has its effect on the windows to come.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import accumulate, islice

import torch
from torch.utils.data import get_worker_info

from s3dlio._native import Item, StreamOptions
from s3dlio.dataset import PyDataset
from s3dlio.errors import InvalidError
from s3dlio.passes import Opened, Takes, stream_options
from s3dlio.progress import Progress
from s3dlio.torch.blocks import memory_of, new_block

__all__ = ["BlockItem", "open_windows"]

WINDOWS = 2
FIRST_SIZE = 8 << 20  # bytes fetched together while the length of batches is not known
FIRST_SAMPLES = 64


class BlockItem(Item):
    """An item whose bytes are in a block.

    Attributes:
        tensor: these bytes.
    """

    __slots__ = ("tensor",)

    def __init__(self, item: Item, index: int, tensor: torch.Tensor) -> None:
        super().__init__(index, item.error, item.view, item.size, "", item.length)
        self.tensor = tensor


@dataclass
class Window:
    """Samples under way."""

    start: int  # number of its first sample in the pass
    count: int
    stream: Takes
    parts: Sequence[torch.Tensor] = ()  # their places, in memory that is shared
    taken: int = 0


class Windows(ABC):
    """It stands for the stream of a pass."""

    def __init__(
        self, dataset: PyDataset, order: Sequence[int], batch: torch.Tensor, options: StreamOptions, event_fd: bool
    ) -> None:
        self._dataset = dataset
        self._order = order
        self._batch = batch  # samples of one, once that is known; else 0
        self._event_fd = event_fd
        limits = options.max_concurrent, options.max_objects, options.prefetch
        self._windows = WINDOWS if 1 not in limits else 1  # at the same time; they share the limits
        concurrent, objects, self._ahead = (limit // self._windows for limit in limits)
        self._options = replace(options, max_concurrent=concurrent, max_objects=objects, prefetch=self._ahead, group=0)
        self._budget = options.memory_budget // self._windows
        self._open: deque[Window] = deque()
        self._next = 0  # number of the first sample that is not under way

    def take(self, wanted: int, capacity: int) -> list[Item]:
        """Wait for the next samples, at least one unless there are no more; as `Stream.take`."""
        head = self._head()
        return self._items(head, head.stream.take(*_within(head, wanted, capacity))) if head else []

    async def take_async(self, wanted: int, capacity: int) -> list[Item]:
        """`take` for asyncio."""
        head = self._head()
        return self._items(head, await head.stream.take_async(*_within(head, wanted, capacity))) if head else []

    def close(self) -> None:
        """Stop fetching."""
        self._next = len(self._order)
        while self._open:
            self._open.popleft().stream.close()

    def _head(self) -> Window | None:
        """The oldest window with samples that are not taken, when as many are under way as may be."""
        while self._open and self._open[0].taken == self._open[0].count:
            self._open.popleft().stream.close()
        while self._next < len(self._order) and len(self._open) < self._windows:
            window = self._window()
            if window is None:
                break
            self._open.append(window)
        return self._open[0] if self._open else None

    def _items(self, window: Window, items: list[Item]) -> list[Item]:
        window.taken += len(items)
        return [self._item(window, item) for item in items]

    @abstractmethod
    def _window(self) -> Window | None:
        """Begin to fetch the next samples; None where those under way come first, of which there are some."""

    @abstractmethod
    def _item(self, window: Window, item: Item) -> Item:
        """What is handed out for an item of a window."""

    def _up_to_a_batch(self, length: int) -> int:
        """How many samples there are until a batch ends."""
        return length - self._next % length

    def _at_first(self, samples: int, size: int) -> int:
        """How many samples to fetch while the length of batches is not known: at least one, and within these limits."""
        sizes = self._dataset.listing.sizes
        ends = accumulate(sizes[i] for i in islice(self._order, self._next, self._next + samples))
        return max(1, sum(end <= size for end in ends))


class SharedWindows(Windows):
    """In a worker: fetched straight into memory that is shared with the parent process.

    A window consists of blocks, each as long as a batch, so that collating a batch is a view of its block, and sending
    it to the parent copies nothing.
    """

    def _window(self) -> Window:
        """Whole blocks, as many as the limits allow, and one in any case."""
        start, room = self._next, self._budget
        parts: list[torch.Tensor] = []
        memory = []
        while sizes := self._next_block():
            room -= sum(sizes)
            if parts and (room < 0 or 0 < self._ahead < len(parts) + len(sizes)):
                break
            block = new_block(sum(sizes))
            parts += torch.split(block, sizes)
            memory += memory_of(block, sizes)
            self._next += len(sizes)
        order = self._order[start : self._next]
        opened = self._dataset.open_samples(order, self._options, self._event_fd, memory)
        return Window(start, len(parts), opened.stream, parts)

    def _next_block(self) -> list[int]:
        """The sizes of the samples of the next block: up to the end of a batch."""
        sizes, length = self._dataset.listing.sizes, int(self._batch)
        count = self._up_to_a_batch(length) if length else self._at_first(FIRST_SAMPLES, FIRST_SIZE)
        return [sizes[i] for i in self._order[self._next : self._next + count]]

    def _item(self, window: Window, item: Item) -> Item:
        """The item in its block; alone where it has grown out of its place there since it was listed."""
        index = window.start + item.index
        if isinstance(item.error, InvalidError):
            with closing(
                self._dataset.open_samples(self._order[index : index + 1], self._options, False).stream
            ) as stream:
                (alone,) = stream.take(1, 1)
            return Item(index, alone.error, alone.view, alone.size, "", alone.length)
        part = window.parts[item.index]
        return BlockItem(item, index, part if part.numel() == item.length else part[: item.length])


class GroupedWindows(Windows):
    """In the main process: in the library's own memory, which is used again.

    Once the length of batches is known, one window has all that is left, batch by batch side by side. Until then each
    one is twice as long as the one before.
    """

    def __init__(
        self, dataset: PyDataset, order: Sequence[int], batch: torch.Tensor, options: StreamOptions, event_fd: bool
    ) -> None:
        super().__init__(dataset, order, batch, options, event_fd)
        self._alone = options  # of the one that has all that is left
        self._samples, self._size = FIRST_SAMPLES, FIRST_SIZE

    def _window(self) -> Window | None:
        start, length, options = self._next, int(self._batch), self._options
        if not length:
            self._next += self._at_first(self._samples, self._size)
            self._samples, self._size = 2 * self._samples, 2 * self._size
        elif start % length:
            self._next += self._up_to_a_batch(length)
        elif self._open:
            return None  # the limits are not for both
        else:
            self._next, options = len(self._order), replace(self._alone, group=length)
        self._next = min(self._next, len(self._order))
        opened = self._dataset.open_samples(self._order[start : self._next], options, self._event_fd)
        return Window(start, self._next - start, opened.stream)

    def _item(self, window: Window, item: Item) -> Item:
        item.index += window.start
        return item


def _within(window: Window, wanted: int, capacity: int) -> tuple[int, int]:
    left = window.count - window.taken
    return min(wanted, left), min(capacity, left)


def open_windows(dataset: PyDataset, progress: Progress, batch: torch.Tensor, event_fd: bool) -> Opened:
    """Start fetching the samples of a pass; without regard to batches where sizes are not known."""
    order = progress.begin(dataset.listing)
    options = stream_options(dataset.options)
    places = range(len(dataset)) if order is None else order
    if any(dataset.listing.sizes[i] < 0 for i in places):
        return dataset.open_samples(order, options, event_fd)
    kind = GroupedWindows if get_worker_info() is None else SharedWindows
    windows = kind(dataset, places, batch, options, event_fd)
    return Opened(windows, lambda item: dataset.listing.uri(places[item.index]))
