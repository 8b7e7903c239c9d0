"""Loaders: asyncio and plain iteration, what stops them, and what may never get lost."""

from __future__ import annotations

import asyncio
import gc
import re
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import s3dlio
from s3dlio import PyBytesAsyncDataLoader, create_async_loader, create_dataset
from tests.support.faults import FaultProxy
from tests.support.samples import Folder, Store, fill, number_of, sample
from tests.support.servers import Bucket, S3Server
from tests.support.state import live_streams

PATIENCE = 60.0  # seconds until a test gives up


def run(work: Any) -> Any:
    """Runs a coroutine, but not for ever."""
    return asyncio.run(asyncio.wait_for(work, PATIENCE))


async def numbers(loader: Any) -> list[Any]:
    return [[number_of(v) for v in step] if isinstance(step, list) else number_of(step) async for step in loader]


def plain_numbers(loader: Any) -> list[Any]:
    return [[number_of(v) for v in step] if isinstance(step, list) else number_of(step) for step in loader]


SOURCES: dict[str, Callable[..., PyBytesAsyncDataLoader]] = {
    "uri": create_async_loader,
    "dataset": lambda uri, *args, **options: PyBytesAsyncDataLoader(create_dataset(uri), *args, **options),
}


@pytest.fixture(params=list(SOURCES))
def make_loader(request: pytest.FixtureRequest) -> Callable[..., PyBytesAsyncDataLoader]:
    """Loaders over a URI, which list while they fetch, and over a dataset."""
    return SOURCES[request.param]


def test_a_step_is_one_sample(store: Store, make_loader: Callable[..., PyBytesAsyncDataLoader]) -> None:
    fill(store, 7)
    loader = make_loader(store.uri("train/"))
    assert run(numbers(loader)) == list(range(7))
    assert plain_numbers(loader) == list(range(7))
    for view in loader:
        assert isinstance(view, s3dlio.BytesView)
        assert len(view) == len(sample(number_of(view)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"batch_size": 3}, [[0, 1, 2], [3, 4, 5], [6]]),
        ({"batch_size": 3, "drop_last": True}, [[0, 1, 2], [3, 4, 5]]),
        ({"batch_size": 7, "drop_last": True}, [[0, 1, 2, 3, 4, 5, 6]]),
        ({"batch_size": 8, "drop_last": True}, []),
        ({"batch_size": 1}, [[i] for i in range(7)]),
        ({"shard_rank": 1, "shard_world_size": 3}, [1, 4]),
        ({"shard_rank": 0, "shard_world_size": 2, "worker_id": 1, "num_workers_pytorch": 2}, [2, 6]),
        ({"worker_id": 6, "num_workers_pytorch": 9, "batch_size": 2}, [[6]]),
        ({"worker_id": 8, "num_workers_pytorch": 9}, []),
        ({"pattern": "*[135].bin"}, [1, 3, 5]),
        ({"pattern": "*[135].bin", "worker_id": 1, "num_workers_pytorch": 2}, [3]),
        ({"pattern": re.compile(r"[46]\.bin$")}, [4, 6]),
    ],
)
def test_options_choose_samples_and_batches(
    folder: Folder, make_loader: Callable[..., PyBytesAsyncDataLoader], options: dict[str, Any], expected: list[Any]
) -> None:
    fill(folder, 7)
    if "pattern" in options and make_loader is SOURCES["dataset"]:
        dataset = create_dataset(folder.uri("train/"), pattern=options["pattern"])
        loader = PyBytesAsyncDataLoader(dataset, {k: v for k, v in options.items() if k != "pattern"})
    else:
        loader = make_loader(folder.uri("train/"), options)
    assert run(numbers(loader)) == expected
    assert plain_numbers(loader) == expected


def test_recursive_false_leaves_out_what_lies_deeper(store: Store) -> None:
    fill(store, 2)
    store.put("train/deep/x.bin", b"9|")
    assert run(numbers(create_async_loader(store.uri("train/"), recursive=False))) == [0, 1]
    assert sorted(run(numbers(create_async_loader(store.uri("train/"))))) == [0, 1, 9]


def test_shuffle_is_seeded_and_differs_by_epoch(
    folder: Folder, make_loader: Callable[..., PyBytesAsyncDataLoader]
) -> None:
    fill(folder, 50)
    orders = []
    for seed, epoch in ((1, 0), (1, 1), (2, 0)):
        loader = make_loader(folder.uri("train/"), shuffle=True, seed=seed)
        loader.set_epoch(epoch)
        orders.append(run(numbers(loader)))
        assert plain_numbers(loader) == orders[-1]
        assert sorted(orders[-1]) == list(range(50))
    assert len({tuple(order) for order in [*orders, range(50)]}) == 4


def test_shards_of_a_shuffled_pass_are_exact(folder: Folder) -> None:
    fill(folder, 23)
    for epoch in range(2):
        seen = []
        for rank in range(3):
            loader = create_async_loader(folder.uri("train/"), shuffle=True, shard_rank=rank, shard_world_size=3)
            loader.set_epoch(epoch)
            seen += run(numbers(loader))
        assert sorted(seen) == list(range(23))


def test_options_of_the_loader_win_over_those_of_the_dataset(folder: Folder) -> None:
    fill(folder, 5)
    dataset = create_dataset(folder.uri("train/"), batch_size=2, shuffle=True)
    dataset.set_epoch(4)
    assert plain_numbers(PyBytesAsyncDataLoader(dataset, {"batch_size": 5})) == [sum(plain_numbers(dataset), [])]
    assert (
        plain_numbers(dataset) != [[0, 1], [2, 3], [4]] == plain_numbers(PyBytesAsyncDataLoader(dataset, shuffle=None))
    )


@pytest.mark.parametrize("source", ["there.bin", "train/0002.bin", "train"])
def test_a_loader_resolves_a_uri_as_a_dataset_does(store: Store, source: str) -> None:
    fill(store, 3)
    store.put("there.bin", b"7|")
    expected = [number_of(view) for view in create_dataset(store.uri(source))]
    assert run(numbers(create_async_loader(store.uri(source)))) == expected


def test_making_a_loader_uses_no_network(minio_bucket: Bucket) -> None:
    create_async_loader("s3://no-such-bucket/x/", endpoint_url="http://127.0.0.1:9")
    missing = create_async_loader(minio_bucket.uri("missing/"))
    fill(minio_bucket, 1, "missing/")
    assert run(numbers(missing)) == [0]


@pytest.mark.parametrize(
    "options", [{}, {"shuffle": True}, {"pattern": "*.x"}, {"worker_id": 1, "num_workers_pytorch": 2}]
)
def test_what_is_missing_is_not_found_at_the_first_step(store: Store, options: dict[str, Any]) -> None:
    store.put("there", b"x")
    for tail in ("nothing/", "nothing"):
        loader = create_async_loader(store.uri(tail), options)
        with pytest.raises(s3dlio.NotFoundError, match="not found"):
            run(numbers(loader))
        with pytest.raises(s3dlio.NotFoundError, match="not found"):
            plain_numbers(loader)


def test_options_are_checked_at_once() -> None:
    with pytest.raises(s3dlio.InvalidError, match="batch_size"):
        create_async_loader("file:///nothing", {"batchsize": 1})


def test_the_event_loop_goes_on_while_a_loader_waits(
    minio_bucket: Bucket, minio: S3Server, fault_proxy: Callable[[S3Server], FaultProxy]
) -> None:
    """The listing and every fetch take a while; a heartbeat of the same loop shows that nothing blocks it."""
    fill(minio_bucket, 3)
    proxy = fault_proxy(minio)
    proxy.add("latency", latency=400)
    beats: list[float] = []

    async def heart() -> None:
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0.01)

    async def work() -> list[int]:
        task = asyncio.create_task(heart())
        try:
            loader = create_async_loader(minio_bucket.uri("train/"), endpoint_url=proxy.endpoint, max_concurrent=1)
            return await numbers(loader)
        finally:
            task.cancel()

    assert run(work()) == [0, 1, 2]
    assert len(beats) > 40  # four round trips of 0.4 s; a blocked loop would beat four times


def test_break_stops_the_fetching(store: Store, make_loader: Callable[..., PyBytesAsyncDataLoader]) -> None:
    fill(store, 30)
    loader = make_loader(store.uri("train/"), max_concurrent=2)

    async def first() -> int:
        async for view in loader:
            return number_of(view)
        raise AssertionError

    before = live_streams()
    assert run(first()) == 0
    for view in loader:
        assert number_of(view) == 0
        break
    assert live_streams() == before
    assert run(numbers(loader)) == list(range(30))


def test_a_pass_that_is_dropped_or_closed_stops(folder: Folder) -> None:
    fill(folder, 30)
    loader = create_async_loader(folder.uri("train/"))
    before = live_streams()
    dropped, closed = iter(loader), loader.items()
    assert (number_of(next(dropped)), number_of(next(closed).data)) == (0, 0)
    assert live_streams() == before + 2
    del dropped
    gc.collect()
    assert live_streams() == before + 1
    closed.close()
    closed.close()
    assert live_streams() == before
    assert list(closed) == []


def test_context_managers_stop_every_pass(folder: Folder) -> None:
    fill(folder, 30)
    before = live_streams()
    with create_async_loader(folder.uri("train/")) as loader:
        passes: list[Any] = [iter(loader), iter(loader.items())]
        for each in passes:
            next(each)
    assert live_streams() == before

    async def work() -> list[Any]:
        async with create_async_loader(folder.uri("train/")) as loader:
            each = aiter(loader)
            await anext(each)
        return [step async for step in each]

    assert run(work()) == []
    assert live_streams() == before


def test_a_cancelled_step_loses_no_sample(
    minio_bucket: Bucket,
    minio: S3Server,
    fault_proxy: Callable[[S3Server], FaultProxy],
    make_loader: Callable[..., PyBytesAsyncDataLoader],
) -> None:
    fill(minio_bucket, 12)
    proxy = fault_proxy(minio)
    options = {"endpoint_url": proxy.endpoint, "max_concurrent": 3}
    loader = (
        create_async_loader(minio_bucket.uri("train/"), options)
        if make_loader is create_async_loader
        else PyBytesAsyncDataLoader(create_dataset(minio_bucket.uri("train/")), options)
    )
    proxy.add("latency", latency=60, jitter=40)

    async def work() -> tuple[list[int], int]:
        seen: list[int] = []
        cancelled = 0
        steps = aiter(loader)
        while len(seen) < 12:
            step = await asyncio.gather(asyncio.wait_for(anext(steps), 0.02), return_exceptions=True)
            if isinstance(step[0], asyncio.TimeoutError):
                cancelled += 1
            else:
                seen.append(number_of(step[0]))
        return seen, cancelled

    seen, cancelled = run(work())
    assert seen == list(range(12))
    assert cancelled > 0


def test_tasks_may_share_a_pass(folder: Folder) -> None:
    fill(folder, 40)

    async def work() -> list[int]:
        steps = aiter(create_async_loader(folder.uri("train/")))
        seen: list[int] = []

        async def consume() -> None:
            async for view in steps:
                seen.append(number_of(view))
                await asyncio.sleep(0)

        await asyncio.gather(*(consume() for _ in range(4)))
        return seen

    assert sorted(run(work())) == list(range(40))


def test_next_and_anext_of_the_loader_itself(folder: Folder) -> None:
    fill(folder, 2)
    loader = create_async_loader(folder.uri("train/"))
    assert [number_of(next(loader)), number_of(next(loader))] == [0, 1]
    with pytest.raises(StopIteration):
        next(loader)
    other = create_async_loader(folder.uri("train/"))

    async def work() -> int:
        return number_of(await anext(other))

    assert run(work()) == 0


def test_items_have_their_address(store: Store, make_loader: Callable[..., PyBytesAsyncDataLoader]) -> None:
    uris = fill(store, 4)
    loader = make_loader(store.uri("train/"), batch_size=3)
    items = list(loader.items())
    assert [item.uri for item in items] == uris
    assert [item.byte_count for item in items] == [len(item) for item in items] == [len(sample(i)) for i in range(4)]
    assert [item.data for item in items] == [sample(i) for i in range(4)]

    async def work() -> list[str]:
        return [item.uri async for item in loader.items()]

    assert run(work()) == uris


def test_collect_batch(store: Store) -> None:
    uris = fill(store, 7)
    dataset = s3dlio.PyDataset.from_uris(uris)
    items = PyBytesAsyncDataLoader(dataset, {"prefetch": 64, "skip_head": True}).items()
    batches = [[number_of(item.data) for item in items.collect_batch(n)] for n in (3, 1, 2, 5, 5)]
    assert batches == [[0, 1, 2], [3], [4, 5], [6], []]


def test_collect_batch_keeps_what_came_before_an_error(store: Store) -> None:
    uris = fill(store, 5)
    uris[2] = store.uri("train/missing")
    items = PyBytesAsyncDataLoader(s3dlio.PyDataset.from_uris(uris)).items()
    assert [number_of(item.data) for item in items.collect_batch(5)] == [0, 1]
    with pytest.raises(s3dlio.NotFoundError, match="missing"):
        items.collect_batch(5)
    assert [number_of(item.data) for item in items.collect_batch(5)] == [3, 4]
    assert items.collect_batch(5) == []


def test_an_error_comes_at_its_place(store: Store) -> None:
    uris = fill(store, 5)
    uris[3] = store.uri("train/missing")
    loader = PyBytesAsyncDataLoader(s3dlio.PyDataset.from_uris(uris))

    seen: list[int] = []

    async def work() -> None:
        async for view in loader:
            seen.append(number_of(view))  # noqa: PERF401 - what came before the error counts

    with pytest.raises(s3dlio.NotFoundError, match="missing"):
        run(work())
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("batch_size", [None, 2])
def test_an_error_stops_the_fetching(folder: Folder, batch_size: int | None) -> None:
    """Without the help of the garbage collector, which may take its time."""
    uris = fill(folder, 30)
    uris[1] = folder.uri("train/missing")
    dataset = s3dlio.PyDataset.from_uris(uris, batch_size=batch_size)
    passes = [iter(dataset), aiter(PyBytesAsyncDataLoader(dataset))]
    watched = [weakref.ref(each) for each in passes]

    async def work() -> None:
        with pytest.raises(s3dlio.NotFoundError):
            await numbers(passes.pop())
        assert watched[1]() is None

    gc.disable()
    try:
        with pytest.raises(s3dlio.NotFoundError):
            list(passes.pop(0))
        assert watched[0]() is None
        asyncio.run(work())
    finally:
        gc.enable()


def test_an_unshuffled_loader_lists_anew_and_a_shuffled_one_once(folder: Folder) -> None:
    fill(folder, 3)
    plain = create_async_loader(folder.uri("train/"))
    shuffled = create_async_loader(folder.uri("train/"), shuffle=True)
    assert len(run(numbers(plain))) == len(run(numbers(shuffled))) == 3
    fill(folder, 4)
    assert len(run(numbers(plain))) == 4
    assert len(run(numbers(shuffled))) == 3


def test_a_loader_is_made_of_a_dataset_or_a_uri(folder: Folder) -> None:
    fill(folder, 2)
    assert plain_numbers(PyBytesAsyncDataLoader(folder.uri("train/"))) == [0, 1]
    with pytest.raises(s3dlio.InvalidError, match="list"):
        PyBytesAsyncDataLoader([folder.uri("train/")])  # type: ignore[arg-type]
