"""One pass over data: the samples that a stream delivers, one by one or in batches, with or without asyncio.

A `Pass` holds the items that it has taken from its stream and not yet handed out. Whatever interrupts it (the error
of one sample, a cancelled task), they stay and come with the next step.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

from s3dlio._native import Item, StreamOptions
from s3dlio.batches import Batch
from s3dlio.errors import InvalidError, S3DlioError
from s3dlio.items import DataItem
from s3dlio.progress import Progress
from s3dlio.states import parse_state

if TYPE_CHECKING:
    from s3dlio.options import Options
    from s3dlio.views import BytesView

__all__ = ["Opened", "Pass", "data_item", "data_view", "stream_options"]

Step = TypeVar("Step")
Result = TypeVar("Result")
MOST_TAKEN = 64  # items taken from a stream at once: enough to make the crossing cheap
MOST_WAITED = 1024  # items of a batch waited for at once: however long it is, the crossing needs little memory


class Takes(Protocol):
    """Where items come from: a `Stream`, or what stands for one."""

    def take(self, wanted: int, capacity: int, /) -> list[Item]:
        """Wait for `wanted` items and take up to `capacity`; [] at the end."""
        ...

    async def take_async(self, wanted: int, capacity: int, /) -> list[Item]:
        """The same for asyncio."""
        ...

    def close(self) -> None:
        """Stop fetching."""
        ...


@dataclass(frozen=True)
class Opened:
    """A stream, how to tell the URI of its items, and what to do when it ends without any."""

    stream: Takes
    uri_of: Callable[[Item], str]
    when_empty: Callable[[], None] | None = None


def data_view(item: Item, _: Opened) -> BytesView:
    """A sample as its bytes."""
    assert item.view is not None, "an item without an error has its bytes"
    return item.view


def data_item(item: Item, opened: Opened) -> DataItem:
    """A sample as its bytes and their URI."""
    return DataItem(opened.uri_of(item), data_view(item, opened))


def stream_options(options: Options, group: int = 0) -> StreamOptions:
    """What the options ask of a stream, in which so many samples at a time shall lie side by side."""
    ahead = min((options.prefetch or 0) * (options.batch_size or 1), sys.maxsize)
    return StreamOptions(
        ordered=options.order == "ordered",
        recursive=options.recursive,
        max_concurrent=options.max_concurrent,
        max_objects=options.num_workers,
        max_inflight_parts=options.max_inflight_parts,
        part_size=options.part_size if options.reader_mode == "range" else 0,
        memory_budget=options.memory_budget,
        prefetch=ahead and ahead - _most_taken(options) + 1,
        group=group if options.order == "ordered" else 0,
    )


def _most_taken(options: Options) -> int:
    """Items to take at once where one is wanted: the others count as prefetched, and are half of it at most."""
    if options.batch_size is not None:
        return 1
    return MOST_TAKEN if options.prefetch is None else min(MOST_TAKEN, (options.prefetch + 1) // 2)


class Pass(Generic[Step]):
    """An iterator, plain and async, over the steps of one pass.

    The stream is opened at the first step. It is stopped by `close`, by leaving a ``with`` block, or when the pass is
    no longer referenced, as after ``break``. The error of a sample is raised at the sample's place; the step after
    it goes on with the samples that remain.

    `state_dict` says what has been handed out until now, and `load_state_dict` of another pass goes on behind it. A
    sample whose error was raised counts as handed out.
    """

    def __init__(
        self,
        open_stream: Callable[[bool], Opened],
        make: Callable[[Item, Opened], Any],
        options: Options,
        *,
        batched: bool = True,
        progress: Progress | None = None,
        gather: Callable[[list[Any]], Any] = Batch,
    ) -> None:
        self._progress = progress or Progress()
        self._open_stream = open_stream  # told whether asyncio will wait for the stream; may block
        self._make = make
        self._gather = gather  # makes a step of what was made for a batch
        self._batch_size = options.batch_size if batched else None
        self._drop_last = options.drop_last
        self._budget = options.memory_budget
        self._most_taken = _most_taken(options)
        self._capacity = 1  # of the next take
        self._opened: Opened | None = None
        self._held: deque[Item] = deque()
        self._delivered = False  # whether there has been any item at all
        self._ended = False  # nothing more will be held
        self._exhausted = False  # for the stream has come to its end
        self._turn = asyncio.Lock()
        self._call: Future[Any] | None = None  # under way in a thread

    def __iter__(self) -> Pass[Step]:
        return self

    def __next__(self) -> Step:
        self._fill(self._batch_size or 1)
        if not self._has_step():
            raise StopIteration
        step: Step = self._step()
        return step

    def __aiter__(self) -> Pass[Step]:
        return self

    async def __anext__(self) -> Step:
        async with self._turn:
            await self._fill_async(self._batch_size or 1)
            if not self._has_step():
                raise StopAsyncIteration
            step: Step = self._step()
            return step

    def collect_batch(self, count: int) -> list[Step]:
        """The next `count` samples, fewer where an error or the end follows; [] is the end.

        Raises:
            S3DlioError: the next sample could not be read; the call after it goes on with the samples that remain.
        """
        self._fill(count)
        batch: list[Step] = []
        while self._held and len(batch) < count and not (batch and self._held[0].error):
            batch.append(self._give())
        return batch

    def state_dict(self) -> dict[str, Any]:
        """How far this pass has come, for `load_state_dict`: a small dict that goes through JSON and pickle."""
        return self._progress.state_dict()

    def load_state_dict(self, state: Any) -> None:
        """Go on behind what a state says, which is one that was saved, or the list of those of all ranks.

        Raises:
            InvalidError: the pass has begun, or the state is damaged, or is of another order or other shards. That it
                is of another listing shows at the first step: ChangedError.
        """
        if self._opened is not None or self._ended:
            raise InvalidError("load_state_dict comes before the first step of a pass: this one has begun")
        self._progress.load(parse_state(state))

    def close(self) -> None:
        """Stop fetching and drop what has not been handed out. It may be called more than once."""
        self._ended = True
        self._exhausted = self._exhausted and not self._held  # what is dropped has not been handed out
        self._held.clear()
        if self._opened is not None:
            self._opened.stream.close()

    async def aclose(self) -> None:
        """`close`, as async generators have it."""
        self.close()

    def __enter__(self) -> Pass[Step]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Pass[Step]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    # From held items to steps

    def _has_step(self) -> bool:
        if self._drop_last and self._batch_size and len(self._held) < self._batch_size and not self._failed():
            while self._held and self._exhausted:
                self._pop(0)
            self._held.clear()  # left out only once the pass has come to its end: after a failure they are not
        self._progress.ended = self._exhausted and not self._held
        return bool(self._held)

    def _step(self) -> Any:
        if self._batch_size is None:
            return self._give()
        for place, item in enumerate(self._held):
            if item.error is not None:
                del item
                self._fail(place)  # the rest of the batch stays for the next step
        count = min(self._batch_size, len(self._held))
        made: list[Any] = []
        while len(made) < count:
            made.append(self._made(len(made)))
        for _ in range(count):
            self._pop(0)
        return self._gather(made)

    def _give(self) -> Any:
        if self._held[0].error is not None:
            self._fail(0)
        made = self._made(0)
        self._pop(0)
        return made

    def _made(self, place: int) -> Any:
        """The sample of a held item, which stays. Where it cannot be made, the item goes as one that has failed."""
        assert self._opened is not None, "items come from a stream"
        try:
            return self._make(self._held[place], self._opened)
        except Exception:
            self._pop(place)
            raise

    def _pop(self, place: int) -> Item:
        """Let go of a held item, which is passed now."""
        item = self._held[place]
        del self._held[place]
        if item.index >= 0:
            self._progress.passed(item.index, item.text or (item.error and item.error.uri) or "")
        return item

    def _fail(self, place: int) -> NoReturn:
        error = self._pop(place).error
        assert error is not None, "the item has failed"
        try:
            raise error
        finally:
            del (
                error
            )  # its traceback leads here: with it, the error and this pass would only go with the next collection

    def _failed(self) -> bool:
        return any(item.error is not None for item in self._held)

    # From the stream to held items

    def _fill(self, count: int) -> None:
        """Hold `count` items, or all that are left, or an error."""
        try:
            while self._lacks(count):
                if self._opened is None:
                    self._opened = self._open_stream(False)
                elif not self._hold(self._opened.stream.take(*self._request(count))):
                    self._end()
        except S3DlioError as error:
            self._end_with(error)

    async def _fill_async(self, count: int) -> None:
        try:
            while self._lacks(count):
                if self._opened is None:
                    self._opened = await self._in_thread(partial(self._open_stream, True))
                elif not self._hold(await self._opened.stream.take_async(*self._request(count))):
                    await self._in_thread(self._end)
        except S3DlioError as error:
            self._end_with(error)

    def _lacks(self, count: int) -> bool:
        return not self._ended and len(self._held) < count and not self._failed()

    def _request(self, count: int) -> tuple[int, int]:
        wanted = min(count - len(self._held), MOST_WAITED)
        return wanted, max(wanted, self._capacity)

    def _hold(self, items: Sequence[Item]) -> bool:
        """Keep what was taken. How much is taken next keeps what is held below an eighth of the memory budget."""
        if items:
            self._held.extend(items)
            self._delivered = True
            largest = max(item.length for item in items)
            self._capacity = max(1, min(self._most_taken, self._budget // (8 * max(largest, 1))))
        return bool(items)

    def _end(self) -> None:
        if not self._delivered and self._opened is not None and self._opened.when_empty is not None:
            self._opened.when_empty()
        self._ended = self._exhausted = True

    def _end_with(self, error: S3DlioError) -> None:
        self._held.append(Item(index=-1, error=error, view=None, size=-1, text=""))
        self._ended = True

    async def _in_thread(self, call: Callable[[], Result]) -> Result:
        """The result of a call that may block. A cancelled task leaves it to the next one."""
        if self._call is None:
            self._call = _start(call)
        try:
            return await asyncio.wrap_future(self._call)
        finally:
            if self._call.done():
                self._call = None


def _start(call: Callable[[], Result]) -> Future[Result]:
    """Run a call in a thread of its own: pools do not survive a fork, and the loop's own belongs to the program."""
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()  # from here on nobody can cancel it

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            future.set_exception(error)

    threading.Thread(target=run, name="s3dlio-call", daemon=True).start()
    return future
