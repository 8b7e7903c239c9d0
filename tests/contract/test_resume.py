"""Passes of loaders and datasets that go on where a state was saved: nothing lost, and nothing twice."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import s3dlio
from s3dlio import PyBytesAsyncDataLoader, create_async_loader, create_dataset
from s3dlio._native import Item
from s3dlio.dataset import new_progress
from s3dlio.passes import Opened, Pass, Takes, data_view
from tests.support.samples import Folder, Store, fill, number_of

COUNT = 41
SOURCES: dict[str, Callable[..., PyBytesAsyncDataLoader]] = {
    "uri": create_async_loader,
    "dataset": lambda uri, *args, **options: PyBytesAsyncDataLoader(create_dataset(uri), *args, **options),
}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"batch_size": 4},
    {"shuffle": True, "seed": 3},
    {"shuffle": True, "batch_size": 3},
    {"order": "completion", "num_workers": 3},
    {"order": "completion", "shuffle": True, "batch_size": 2},
]


@pytest.fixture(params=list(SOURCES))
def make_loader(request: pytest.FixtureRequest) -> Callable[..., PyBytesAsyncDataLoader]:
    """Loaders over a URI, which list while they fetch, and over a dataset."""
    return SOURCES[request.param]


def flat(step: Any) -> list[int]:
    return [number_of(view) for view in step] if isinstance(step, list) else [number_of(step)]


def plain_steps(loader: PyBytesAsyncDataLoader, count: int) -> list[int]:
    seen: list[int] = []
    for _, step in zip(range(count), loader, strict=False):
        seen += flat(step)
    return seen


def async_steps(loader: PyBytesAsyncDataLoader, count: int) -> list[int]:
    async def work() -> list[int]:
        seen: list[int] = []
        if count:
            async for step in loader:
                seen += flat(step)
                count_left[0] -= 1
                if not count_left[0]:
                    break
        return seen

    count_left = [count]
    return asyncio.run(work())


def saved(loader: PyBytesAsyncDataLoader) -> Any:
    text = json.dumps(loader.state_dict())
    assert len(text) < 500
    return json.loads(text)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("steps", [plain_steps, async_steps])
def test_what_remains_comes_once(
    folder: Folder, make_loader: Callable[..., PyBytesAsyncDataLoader], steps: Any, options: dict[str, Any]
) -> None:
    """Interrupted three times, at random; the state is that after the last step."""
    fill(folder, COUNT)
    whole = plain_steps(make_loader(folder.uri("train/"), options), COUNT)
    seen: list[int] = []
    state = saved(make_loader(folder.uri("train/"), options))
    for count in (*(random.randrange(4) for _ in range(3)), COUNT):
        loader = make_loader(folder.uri("train/"), options)
        loader.load_state_dict(state)
        assert saved(loader) == state
        seen += steps(loader, count)
        state = saved(loader)
    assert sorted(seen) == list(range(COUNT))
    if "order" not in options:
        assert seen == whole


def test_on_a_store(store: Store, make_loader: Callable[..., PyBytesAsyncDataLoader]) -> None:
    fill(store, COUNT)
    for options in OPTIONS:
        first = make_loader(store.uri("train/"), options)
        seen = plain_steps(first, 2)
        second = make_loader(store.uri("train/"), options)
        second.load_state_dict(first.state_dict())
        assert sorted(seen + plain_steps(second, COUNT)) == list(range(COUNT))


@pytest.mark.parametrize("options", OPTIONS)
def test_other_numbers_of_ranks(
    folder: Folder, make_loader: Callable[..., PyBytesAsyncDataLoader], options: dict[str, Any]
) -> None:
    """Two ranks, then three, then one; each time some come further than others."""
    fill(folder, COUNT)
    seen: list[int] = []
    states: list[Any] = []
    for world in (2, 3, 1):
        loaders = [
            make_loader(folder.uri("train/"), options, shard_rank=rank, shard_world_size=world) for rank in range(world)
        ]
        for rank, loader in enumerate(loaders):
            if states:
                loader.load_state_dict(states if world == 3 else s3dlio.merge_states(states))
            seen += plain_steps(loader, rank + 1 if world > 1 else COUNT)
        states = [saved(loader) for loader in loaders]
    assert sorted(seen) == list(range(COUNT))


def test_a_rank_that_has_not_gone_on_yet_counts(
    folder: Folder, make_loader: Callable[..., PyBytesAsyncDataLoader]
) -> None:
    """States taken when one rank has made steps since the last state was loaded, and another none."""
    fill(folder, COUNT)
    first = make_loader(folder.uri("train/"), batch_size=3)
    seen = plain_steps(first, 2)
    ranks = [make_loader(folder.uri("train/"), shard_rank=rank, shard_world_size=2) for rank in range(2)]
    for loader in ranks:
        loader.load_state_dict(saved(first))
    seen += plain_steps(ranks[0], 5)
    states = [saved(loader) for loader in ranks]
    again = make_loader(folder.uri("train/"), shard_rank=1, shard_world_size=2)
    again.load_state_dict(states[1])  # its own share
    last = make_loader(folder.uri("train/"))
    last.load_state_dict([states[0], saved(again)])
    assert sorted(seen + plain_steps(last, COUNT)) == list(range(COUNT))


def test_a_pass_that_is_closed_has_not_ended(folder: Folder) -> None:
    fill(folder, 6)

    def make(item: Any, _: Any) -> int:
        number = number_of(item.view)
        if number == 4:
            raise ValueError("no")
        return number

    dataset = create_dataset(folder.uri("train/"), batch_size=4)
    steps = dataset.start_pass(make)
    assert next(steps) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="no"):
        next(steps)
    steps.close()
    assert list(steps) == []
    assert not steps.state_dict()["ended"]
    again = iter(dataset)
    again.load_state_dict(steps.state_dict())
    assert [flat(step) for step in again] == [[5]]


def test_what_is_left_when_a_pass_fails_comes_when_it_goes_on(folder: Folder) -> None:
    """With drop_last: samples are left out at the end of a pass only."""
    fill(folder, 6)
    dataset = create_dataset(folder.uri("train/"), batch_size=4, drop_last=True)

    class Fails:
        """A stream that fails behind its second sample."""

        def __init__(self, stream: Takes) -> None:
            self._stream, self._left, self.close = stream, 2, stream.close

        def take(self, *_: int) -> list[Item]:
            if not self._left:
                raise s3dlio.ServerError("the listing broke off")
            self._left -= 1
            return self._stream.take(1, 1)

        async def take_async(self, *_: int) -> list[Item]:
            return self.take()

    progress = new_progress(dataset.options, 0)

    def fail(event_fd: bool) -> Opened:
        opened = dataset.open(progress, 0, event_fd)
        return replace(opened, stream=Fails(opened.stream))

    steps: Pass[Any] = Pass(fail, data_view, dataset.options, progress=progress)
    with pytest.raises(s3dlio.ServerError, match="broke off"):
        next(steps)
    assert list(steps) == []
    again = iter(dataset)
    again.load_state_dict(steps.state_dict())
    assert [flat(step) for step in again] == [[0, 1, 2, 3]]


def test_workers_by_options_too(folder: Folder) -> None:
    fill(folder, COUNT)
    options = [{"shard_rank": r, "shard_world_size": 2, "worker_id": w, "num_workers_pytorch": 2 + r}
               for r in range(2) for w in range(2 + r)]  # fmt: skip
    loaders = [create_async_loader(folder.uri("train/"), each) for each in options]
    seen = [number for i, loader in enumerate(loaders) for number in plain_steps(loader, i)]
    last = create_async_loader(folder.uri("train/"), batch_size=5)
    last.load_state_dict([loader.state_dict() for loader in loaders])
    assert sorted(seen + plain_steps(last, COUNT)) == list(range(COUNT))


def test_the_state_is_of_what_was_handed_out_not_of_what_was_fetched(folder: Folder) -> None:
    fill(folder, COUNT)
    loader = create_async_loader(folder.uri("train/"))
    steps = iter(loader)
    for count in range(1, 4):
        next(steps)
        assert loader.state_dict()["parts"][0][2] == steps.state_dict()["parts"][0][2] == [count]
    del steps
    assert loader.state_dict()["parts"][0][2] == [3]


def test_batches_may_have_another_size(folder: Folder) -> None:
    fill(folder, 10)
    first = create_async_loader(folder.uri("train/"), batch_size=4)
    assert flat(next(iter(first))) == [0, 1, 2, 3]
    second = create_async_loader(folder.uri("train/"), batch_size=5)
    second.load_state_dict(first.state_dict())
    assert [flat(step) for step in second] == [[4, 5, 6, 7, 8], [9]]


def test_what_drop_last_leaves_out_does_not_come_later(folder: Folder) -> None:
    fill(folder, 10)
    ranks = [
        create_async_loader(folder.uri("train/"), batch_size=2, drop_last=True, shard_rank=r, shard_world_size=2)
        for r in range(2)
    ]
    assert [flat(step) for step in ranks[0]] == [[0, 2], [4, 6]]
    assert flat(next(iter(ranks[1]))) == [1, 3]
    last = create_async_loader(folder.uri("train/"))
    last.load_state_dict([rank.state_dict() for rank in ranks])
    assert plain_steps(last, 10) == [5, 7, 9]


@pytest.mark.parametrize("batch_size", [None, 2])
def test_a_sample_that_failed_counts_as_handed_out(
    folder: Folder, make_loader: Callable[..., PyBytesAsyncDataLoader], batch_size: int | None
) -> None:
    fill(folder, 6)
    bad = folder.path / "train/0001.bin"
    dataset = create_dataset(folder.uri("train/"))
    bad.chmod(0)
    bad.unlink()
    first = PyBytesAsyncDataLoader(dataset, batch_size=batch_size)
    steps = iter(first)
    seen: list[int] = []
    for _ in range(3):
        try:
            seen += flat(next(steps))
        except s3dlio.NotFoundError:
            state = first.state_dict()
            again = PyBytesAsyncDataLoader(dataset, batch_size=batch_size)
            again.load_state_dict(state)
            assert sorted(seen + plain_steps(again, 9)) == [0, 2, 3, 4, 5]
    assert seen == [0, 2, 3, 4][: 4 if batch_size else 2]
    again = PyBytesAsyncDataLoader(dataset, batch_size=batch_size)
    again.load_state_dict(first.state_dict())
    assert sorted(seen + plain_steps(again, 9)) == [0, 2, 3, 4, 5]


def test_a_transform_that_fails_takes_no_other_sample_along(folder: Folder) -> None:
    fill(folder, 6)

    def make(item: Any, _: Any) -> int:
        number = number_of(item.view)
        if number == 1:
            raise ValueError("no")
        return number

    steps = create_dataset(folder.uri("train/"), batch_size=3).start_pass(make)
    with pytest.raises(ValueError, match="no"):
        next(steps)
    assert list(steps) == [[0, 2, 3], [4, 5]]


def test_a_pass_of_a_dataset_goes_on(folder: Folder) -> None:
    fill(folder, 9)
    dataset = create_dataset(folder.uri("train/"), shuffle=True)
    dataset.set_epoch(2)
    whole = [number_of(view) for view in dataset]
    steps = iter(dataset)
    assert [number_of(next(steps)) for _ in range(4)] == whole[:4]
    dataset.set_epoch(0)
    again, items = iter(dataset), dataset.items()
    for other in (again, items):
        other.load_state_dict(steps.state_dict())
    assert [number_of(view) for view in again] == whole[4:] == [number_of(item.data) for item in items]
    with pytest.raises(s3dlio.InvalidError, match="has begun"):
        steps.load_state_dict(steps.state_dict())


def test_epochs(folder: Folder) -> None:
    """The pass that goes on is of the epoch of its state; the next one is whole."""
    fill(folder, 9)
    first = create_async_loader(folder.uri("train/"), shuffle=True)
    orders = []
    for epoch in range(3):
        first.set_epoch(epoch)
        orders.append(plain_steps(first, 9))
    first.set_epoch(1)
    assert plain_steps(first, 4) == orders[1][:4]
    state = first.state_dict()
    assert state["epoch"] == 1
    second = create_async_loader(folder.uri("train/"), shuffle=True)
    second.load_state_dict(state)
    second.set_epoch(1)
    assert plain_steps(second, 9) == orders[1][4:]
    assert plain_steps(second, 9) == orders[1]
    second.load_state_dict(state)
    second.set_epoch(2)
    assert plain_steps(second, 9) == orders[2]


def test_after_the_last_sample_nothing_comes_and_after_the_end_everything(folder: Folder) -> None:
    fill(folder, 3)
    loader = create_async_loader(folder.uri("train/"))
    steps = iter(loader)
    for _ in range(3):
        next(steps)
    second = create_async_loader(folder.uri("train/"))
    second.load_state_dict(loader.state_dict())
    assert plain_steps(second, 9) == []
    assert plain_steps(second, 9) == [0, 1, 2]
    assert list(steps) == []
    assert loader.state_dict()["ended"]
    second.load_state_dict(loader.state_dict())
    assert plain_steps(second, 9) == [0, 1, 2]


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"pattern": re.compile("bin")}])
def test_a_listing_that_has_changed_is_an_error(
    store: Store, make_loader: Callable[..., PyBytesAsyncDataLoader], options: dict[str, Any]
) -> None:
    if "pattern" in options and make_loader is SOURCES["dataset"]:
        options = {}
    fill(store, 9)
    first = make_loader(store.uri("train/"), options)
    plain_steps(first, 3)
    store.put("train/0000.another.bin", b"99|")

    def go_on() -> None:
        second = make_loader(store.uri("train/"), options)
        second.load_state_dict(first.state_dict())
        plain_steps(second, 9)

    with pytest.raises(s3dlio.ChangedError, match="listing has changed") as caught:
        go_on()
    assert caught.value.uri is not None and caught.value.uri.startswith(store.uri("train/"))


def test_a_loader_that_lists_takes_in_what_was_added_behind(folder: Folder) -> None:
    fill(folder, 5)
    first = create_async_loader(folder.uri("train/"))
    assert plain_steps(first, 2) == [0, 1]
    state = first.state_dict()
    assert state["parts"][0][3] == folder.uri("train/0001.bin")
    fill(folder, 7)
    second = create_async_loader(folder.uri("train/"))
    second.load_state_dict(state)
    assert plain_steps(second, 2) == [2, 3]
    assert second.state_dict()["total"] == 7
    third = create_async_loader(folder.uri("train/"))
    third.load_state_dict(second.state_dict())
    assert plain_steps(third, 9) == [4, 5, 6]


def test_objects_that_went_are_noticed(folder: Folder) -> None:
    fill(folder, 5)
    first = create_async_loader(folder.uri("train/"))
    assert plain_steps(first, 5) == [0, 1, 2, 3, 4]
    for name in ("0000", "0004"):
        (folder.path / f"train/{name}.bin").unlink()
    second = create_async_loader(folder.uri("train/"))
    second.load_state_dict(first.state_dict() | {"ended": False})
    with pytest.raises(s3dlio.ChangedError, match=r"sample 4 was .*0004\.bin and is nothing now"):
        plain_steps(second, 5)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"shuffle": True}, "without shuffle, but is loaded with shuffle=True and seed=0"),
        ({"shard_rank": 0, "shard_world_size": 2}, None),
    ],
)
def test_another_order_is_refused_and_other_shards_are_not(
    folder: Folder, options: dict[str, Any], text: str | None
) -> None:
    fill(folder, 5)
    first = create_async_loader(folder.uri("train/"))
    plain_steps(first, 1)
    second = create_async_loader(folder.uri("train/"), options)
    if text is None:
        second.load_state_dict(first.state_dict())
        assert plain_steps(second, 9) == [1, 3]
    else:
        with pytest.raises(s3dlio.InvalidError, match=text):
            second.load_state_dict(first.state_dict())
        assert len(plain_steps(second, 9)) == 5  # and nothing has been loaded


def test_the_state_of_one_rank_is_not_enough_for_another(folder: Folder) -> None:
    fill(folder, 5)
    first = create_async_loader(folder.uri("train/"), shard_rank=0, shard_world_size=2)
    for options in ({}, {"shard_rank": 1, "shard_world_size": 2}):
        with pytest.raises(s3dlio.InvalidError, match="shard 0 of 2"):
            create_async_loader(folder.uri("train/"), options).load_state_dict(first.state_dict())


def test_a_single_object(folder: Folder) -> None:
    folder.put("one", b"7|")
    first = create_async_loader(folder.uri("one"))
    assert plain_steps(first, 1) == [7]
    second = create_async_loader(folder.uri("one"))
    second.load_state_dict(first.state_dict() | {"ended": False})
    assert plain_steps(second, 1) == []
