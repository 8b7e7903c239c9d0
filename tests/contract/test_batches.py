"""Batches of loaders and datasets: samples of one size are one array in place, others say what to do."""

from __future__ import annotations

import asyncio
import gc
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import s3dlio
from s3dlio import Batch, BytesView, PyBytesAsyncDataLoader, create_async_loader, create_dataset
from tests.support.mem import MemBucket, held, wait_until_idle
from tests.support.samples import Folder, Store, fill

SIZE = 48
SOURCES: dict[str, Callable[..., Any]] = {
    "uri": create_async_loader,
    "dataset": create_dataset,
    "loader of a dataset": lambda uri, **options: PyBytesAsyncDataLoader(create_dataset(uri), options),
}


def content(number: int) -> bytes:
    return b"%02d|" % number + b"x" * (SIZE - 3)


def fill_equal(store: Store, count: int) -> None:
    for i in range(count):
        store.put(f"equal/{i:02d}", content(i))


@pytest.fixture(params=list(SOURCES))
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """What has batches."""
    return SOURCES[request.param]


def address(data: Any) -> int:
    return int(np.frombuffer(data, np.uint8).ctypes.data)


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"prefetch": 1}, {"max_concurrent": 1}])
def test_equal_samples_are_one_array_in_place(store: Store, make: Callable[..., Any], options: dict[str, Any]) -> None:
    fill_equal(store, 10)
    seen: list[bytes] = []
    for batch in make(store.uri("equal/"), batch_size=4, **options):
        assert isinstance(batch, Batch) and batch.is_block
        count = len(batch)
        array, tensor = batch.numpy(), batch.tensor()
        assert (array.shape, array.dtype, tuple(tensor.shape), tensor.dtype) == (
            (count, SIZE), np.uint8, (count, SIZE), torch.uint8)  # fmt: skip
        assert address(batch[0]) == array.ctypes.data == tensor.data_ptr() == address(batch.memoryview())
        assert [row.tobytes() for row in array] == [bytes(view) for view in batch] == [bytes(row) for row in tensor]
        array[0, 2] = 33
        assert batch[0][2] == tensor[0, 2] == 33
        seen += (bytes(view) for view in batch)
    assert sorted(view.replace(b"!", b"|") for view in seen) == [content(i) for i in range(10)]


def test_asyncio_has_the_same_batches(folder: Folder) -> None:
    fill_equal(folder, 6)

    async def work() -> list[Any]:
        return [batch async for batch in create_async_loader(folder.uri("equal/"), batch_size=3)]

    assert [(batch.is_block, batch.numpy().shape) for batch in asyncio.run(work())] == [(True, (3, SIZE))] * 2


def test_other_dtypes(folder: Folder) -> None:
    values = np.arange(24, dtype=np.float32).reshape(4, 6)
    for i, row in enumerate(values):
        folder.put(f"{i}", row.tobytes())
    (batch,) = create_dataset(folder.uri(), batch_size=4)
    assert np.array_equal(batch.numpy(np.float32), values)
    assert np.array_equal(batch.numpy("<u2"), values.view("<u2"))
    assert torch.equal(batch.tensor(torch.float32), torch.from_numpy(values))
    folder.put("4", b"12345")
    (odd,) = create_dataset(folder.uri("4"), batch_size=1)
    wrong: list[Callable[[], Any]] = [lambda: odd.numpy(np.float32), lambda: odd.tensor(torch.float32)]
    for call in wrong:
        with pytest.raises(s3dlio.InvalidError, match=r"samples of 5 bytes.*float32.*another dtype"):
            call()


def test_ragged_batches_say_what_to_do(store: Store, make: Callable[..., Any]) -> None:
    fill(store, 4)
    (batch,) = make(store.uri("train/"), batch_size=4)
    assert not batch.is_block
    for wrong in (batch.numpy, batch.tensor, batch.memoryview):
        with pytest.raises(s3dlio.InvalidError, match=r"2 to 5 bytes.*one by one"):
            wrong()
    assert [len(view) for view in batch] == [2, 3, 4, 5]


def test_samples_that_lie_elsewhere_are_copied_to_one_array(folder: Folder) -> None:
    fill_equal(folder, 7)
    dataset = create_dataset(folder.uri("equal/"), batch_size=3)
    (folder.path / "equal/01").unlink()
    steps = iter(dataset)
    with pytest.raises(s3dlio.NotFoundError):
        next(steps)
    batches = list(steps)
    assert [batch.is_block for batch in batches] == [False, False]
    assert [row.tobytes() for batch in batches for row in batch.numpy()] == [content(i) for i in (0, 2, 3, 4, 5, 6)]
    assert [bytes(row) for row in batches[0].tensor()] == [content(i) for i in (0, 2, 3)]
    unlisted = s3dlio.PyDataset.from_uris([folder.uri("equal/00"), folder.uri("equal/02")], batch_size=2)
    assert [row.tobytes() for row in next(iter(unlisted)).numpy()] == [content(0), content(2)]


def test_empty_samples_and_batches(folder: Folder) -> None:
    for i in range(2):
        folder.put(f"{i}", b"")
    (batch,) = create_dataset(folder.uri(), batch_size=2)
    assert batch.numpy().shape == tuple(batch.tensor().shape) == (2, 0)
    assert len(batch.memoryview()) == 0
    none = Batch()
    assert (none.is_block, none.numpy().shape, tuple(none.tensor().shape)) == (False, (0, 0), (0, 0))


def test_an_array_keeps_its_memory_and_nothing_else_does() -> None:
    bucket = MemBucket()
    for i in range(8):
        bucket.put(f"{i}", content(i))
    wait_until_idle()
    steps = iter(create_dataset(bucket.uri(), batch_size=4))
    array, tensor = next(steps).numpy(), next(steps).tensor()
    steps.close()
    gc.collect()
    assert held() == 8
    others = list(create_dataset(bucket.uri(), batch_size=8))
    assert [row.tobytes() for row in array] + [bytes(row) for row in tensor] == [content(i) for i in range(8)]
    del array, tensor, others, steps
    wait_until_idle()


def test_views_of_one_batch_join_in_any_way(folder: Folder) -> None:
    fill_equal(folder, 3)
    (batch,) = create_dataset(folder.uri("equal/"), batch_size=3)
    assert Batch(batch[1:]).is_block
    assert Batch(batch[:1]).is_block
    assert not Batch([batch[0], batch[2]]).is_block
    assert not Batch([batch[1], batch[0]]).is_block
    assert not Batch([BytesView.copy_of(b"ab"), BytesView.copy_of(b"cd")]).is_block
    assert Batch([batch[0], batch[2]]).numpy()[1].tobytes() == content(2)
    again = pickle.loads(pickle.dumps(batch))
    assert isinstance(again, Batch) and again == batch
    assert again.numpy().tobytes() == b"".join(content(i) for i in range(3))


def test_single_samples_and_random_access_hold_no_block() -> None:
    """One sample that is kept does not keep others."""
    bucket = MemBucket()
    for i in range(4):
        bucket.put(f"{i}", content(i))
    dataset = create_dataset(bucket.uri(), batch_size=4)
    items = list(dataset.items())
    views = dataset.__getitems__([0, 1, 2, 3])
    assert not Batch([item.data for item in items]).is_block
    assert not Batch(views).is_block
