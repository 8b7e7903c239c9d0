"""Streams in asyncio: nothing blocks the loop, nothing is lost, nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from s3dlio._native import Client, Item, Op, Stream, StreamOptions
from s3dlio.errors import ClosedError, InvalidError
from s3dlio.listing import Listing
from tests.support.mem import MemBucket, wait_until_idle

COUNT = 300


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """An event loop that cannot watch descriptors, as others than asyncio's own may be."""

    def add_reader(self, *args: Any) -> None:  # type: ignore[override]
        """Not here."""
        raise NotImplementedError


@pytest.fixture(params=[asyncio.SelectorEventLoop, LoopWithoutReaders])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine in an event loop of each kind."""

    def run_in_loop(coroutine: Coroutine[Any, Any, Any]) -> Any:
        loop = request.param()
        try:
            return loop.run_until_complete(asyncio.wait_for(coroutine, 60))
        finally:
            loop.close()

    return run_in_loop


@pytest.fixture
def listing() -> Listing:
    bucket = MemBucket()
    return Listing.from_uris([bucket.put(f"key{i:03d}", b"%d" % i) for i in range(COUNT)])


def open_stream(listing: Listing, **options: Any) -> Stream:
    return Stream(Client.get(), Op.GET, listing, options=StreamOptions(**options), event_fd=True)


def numbers(items: list[Item]) -> list[int]:
    return [int(bytes(item.view)) for item in items if item.view is not None]


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def test_everything_comes_in_order(run: Any, listing: Listing) -> None:
    async def main() -> list[Item]:
        items: list[Item] = []
        with open_stream(listing, max_concurrent=3, prefetch=5) as stream:
            while more := await stream.take_async(2, 7):
                assert len(more) <= 7
                items += more
            assert stream.finished
            assert await stream.take_async() == []
        return items

    assert numbers(run(main())) == list(range(COUNT))


def test_a_cancelled_take_loses_nothing(run: Any, listing: Listing) -> None:
    async def main() -> tuple[list[Item], int]:
        items: list[Item] = []
        cancelled = 0
        with open_stream(listing, max_concurrent=3, prefetch=3) as stream:
            while not stream.finished:
                task = asyncio.ensure_future(stream.take_async(20, 20))
                for _ in range(cancelled % 4):
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    items += await task
                except asyncio.CancelledError:
                    cancelled += 1
                    await asyncio.sleep(0.0005 * (cancelled % 3))
        return items, cancelled

    items, cancelled = run(main())
    assert numbers(items) == list(range(COUNT))
    assert cancelled > 10


def test_other_tasks_have_their_turns(run: Any, listing: Listing) -> None:
    """Also where items are always there: else nothing could cancel the consumer, not even Ctrl-C."""

    async def main() -> int:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.ensure_future(turn())
        with open_stream(listing) as stream:
            while await stream.take_async(1, 3):
                pass
        other.cancel()
        return turns

    assert run(main()) >= COUNT // 3


def test_closing_ends_the_wait(run: Any, listing: Listing, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        stream = open_stream(listing)
        while await stream.take_async(64, 64):
            pass
        stream = open_stream(listing)
        monkeypatch.setattr(stream, "_next", lambda *_: None)  # nothing ever comes
        monkeypatch.setattr(stream, "_fd", os.eventfd(0) if hasattr(os, "eventfd") else os.pipe()[0])
        waiting = asyncio.ensure_future(stream.take_async())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        with pytest.raises(RuntimeError, match="another task is already waiting"):
            await stream.take_async()
        stream.close()
        with pytest.raises(ClosedError):
            await waiting
        os.close(stream._fd)

    run(main())
    wait_until_idle()


def test_a_stream_can_go_from_one_loop_to_another(listing: Listing) -> None:
    stream, items = open_stream(listing), []
    for kind in [asyncio.SelectorEventLoop, LoopWithoutReaders] * 3:
        loop = kind()
        items += loop.run_until_complete(stream.take_async(5, 5))
        loop.close()
    items += stream.take(5, 5)
    assert numbers(items) == list(range(35))


def test_no_descriptor_and_no_thread_is_left_behind(run: Any, listing: Listing) -> None:
    async def main() -> None:
        with open_stream(listing, prefetch=2) as stream:
            await stream.take_async(2, 2)
            task = asyncio.ensure_future(stream.take_async(COUNT, COUNT))
            await asyncio.sleep(0)
            task.cancel()

    run(main())
    wait_until_idle()
    before = descriptors()
    for _ in range(5):
        run(main())
    gc.collect()
    wait_until_idle()
    assert len(descriptors()) <= len(before)


def test_a_stream_without_descriptor_says_so(listing: Listing) -> None:
    stream = Stream(Client.get(), Op.GET, listing)
    with pytest.raises(InvalidError, match="event_fd=True"):
        stream.fileno()
    stream.close()
