"""Iterable datasets in DataLoader workers: batches lie in shared memory, whatever happens to single samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, default_collate, get_worker_info

import s3dlio
from s3dlio._native import memory_stats
from s3dlio.dataset import new_progress
from s3dlio.passes import stream_options
from s3dlio.torch import S3IterableDataset
from s3dlio.torch.blocks import is_block
from s3dlio.torch.windows import BlockItem, SharedWindows, open_windows
from tests.support.samples import Folder, Store, fill, number_of, sample

# torch warns where there are more workers than processors
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")
SIZE = 64


def content(number: int) -> bytes:
    return b"%04d|" % number + b"x" * (SIZE - 5)


def fill_equal(store: Store, count: int) -> None:
    for i in range(count):
        store.put(f"equal/{i:04d}", content(i))


def storage_size(samples: list[torch.Tensor]) -> list[int]:
    """A collate_fn that tells, in the worker, where the samples are: the size of the storage that they share, or 0."""
    assert get_worker_info() is not None
    return [samples[0].untyped_storage().nbytes() if is_block(samples) else 0]


def collate_and_tell(samples: list[torch.Tensor]) -> tuple[Any, bool]:
    batch = default_collate(samples)
    return batch, batch[0].data_ptr() == samples[0].data_ptr() and batch[0].is_shared()


@pytest.mark.parametrize("batch_size", [3, 5])
@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"max_concurrent": 1}, {"prefetch": 1}, {"prefetch": 7},
                                     {"memory_budget": 1}, {"memory_budget": 1000}, {"num_workers": 3}])  # fmt: skip
def test_batches_of_a_dataloader_are_views_once_their_length_is_known(
    folder: Folder, batch_size: int, options: dict[str, Any]
) -> None:
    """Learned from the first batch: the first epoch may copy some at its beginning, the next one none."""
    fill_equal(folder, 40)
    dataset = S3IterableDataset(folder.uri("equal/"), options)
    loader: DataLoader[Any] = DataLoader(
        dataset, batch_size=batch_size, num_workers=2, persistent_workers=True, collate_fn=collate_and_tell
    )
    for epoch in range(2):
        seen = list(loader)
        assert sorted(bytes(row) for batch, _ in seen for row in batch) == [content(i) for i in range(40)]
        assert all(tuple(batch.shape[1:]) == (SIZE,) for batch, _ in seen)
        if epoch:
            assert all(in_place for _, in_place in seen)


def test_batches_of_the_dataset_are_views_from_the_first_on(folder: Folder) -> None:
    fill_equal(folder, 21)
    dataset = S3IterableDataset(folder.uri("equal/"), batch_size=4)
    batches = list(DataLoader(dataset, batch_size=None, num_workers=2))
    assert sorted(bytes(row) for batch in batches for row in batch) == [content(i) for i in range(21)]
    assert all(batch.is_shared() for batch in batches)
    assert sorted(map(len, batches)) == [2, 3, 4, 4, 4, 4]
    assert {batch.untyped_storage().nbytes() for batch in batches} == {n * SIZE for n in (2, 3, 4)}


def test_ragged_batches_are_lists_in_one_block(store: Store) -> None:
    fill(store, 16)
    dataset = S3IterableDataset(store.uri("train/"), batch_size=4)
    for batch in DataLoader(dataset, batch_size=None, num_workers=1):
        assert isinstance(batch, list)
        assert is_block(batch) and batch[0].is_shared()
        assert [t.numpy().tobytes() for t in batch] == [sample(number_of(t.numpy())) for t in batch]


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("batch_size", [None, 3])
def test_samples_that_have_changed_or_gone(store: Store, workers: int, batch_size: int | None) -> None:
    fill(store, 9)
    dataset = S3IterableDataset(store.uri("train/"), batch_size=batch_size)
    store.put("train/0001.bin", b"1|")
    store.put("train/0004.bin", b"4|" + b"y" * 1000)
    store.put("train/0005.bin", b"")
    loader: DataLoader[Any] = DataLoader(dataset, batch_size=None if batch_size else 2, num_workers=workers)
    seen = [t.numpy().tobytes() for batch in loader for t in batch]
    assert seen == [sample(0), b"1|", sample(2), sample(3), b"4|" + b"y" * 1000, b"", *map(sample, (6, 7, 8))]


def test_an_error_names_the_object_and_its_place(folder: Folder) -> None:
    fill_equal(folder, 9)
    dataset = S3IterableDataset(folder.uri("equal/"), batch_size=3)
    Path(folder.path / "equal/0004").unlink()
    steps = iter(DataLoader(dataset, batch_size=None, num_workers=1))
    assert [bytes(row) for row in next(steps)] == [content(i) for i in range(3)]
    with pytest.raises(s3dlio.NotFoundError, match="0004"):
        next(steps)


def test_empty_samples(folder: Folder) -> None:
    for i in range(4):
        folder.put(f"{i}")
    (batch,) = DataLoader(S3IterableDataset(folder.uri(), batch_size=4), batch_size=None, num_workers=1)
    assert [len(t) for t in batch] == [0] * 4


def test_samples_of_unknown_sizes_come_as_before(store: Store) -> None:
    uris = fill(store, 7)
    dataset = S3IterableDataset.from_uris(uris, batch_size=3)
    seen = [number_of(t.numpy()) for batch in DataLoader(dataset, batch_size=None, num_workers=1) for t in batch]
    assert seen == list(range(7))


@pytest.mark.parametrize(
    ("arguments", "in_blocks"),
    [
        ({}, True),
        ({"order": "completion"}, False),
        ({"transform": torch.clone}, False),
        ({"return_type": "bytes"}, False),
    ],
)
def test_only_what_stays_as_it_is_goes_to_blocks(folder: Folder, arguments: dict[str, Any], in_blocks: bool) -> None:
    """What a transform makes lies elsewhere: its input need not be shared."""
    fill_equal(folder, 4)
    dataset = S3IterableDataset(folder.uri("equal/"), **arguments)
    tell: Callable[[Any], Any] = (lambda _: [0]) if arguments.get("return_type") else storage_size
    loader: DataLoader[Any] = DataLoader(dataset, batch_size=4, num_workers=1, collate_fn=tell)
    assert list(loader) == [[4 * SIZE if in_blocks else 0]]


@pytest.mark.parametrize("batch", [None, 4])
def test_in_the_main_process_batches_are_the_memory_of_the_library(folder: Folder, batch: int | None) -> None:
    """Of the dataset at once; of a DataLoader once their length is known."""
    fill_equal(folder, 12)
    dataset = S3IterableDataset(folder.uri("equal/"), batch_size=batch)
    in_place = []

    def collate(samples: list[Any]) -> Any:
        made, told = collate_and_place(samples)
        in_place.append(told)
        return made

    loader: DataLoader[Any] = DataLoader(dataset, batch_size=None) if batch else DataLoader(
        dataset, batch_size=4, collate_fn=collate
    )  # fmt: skip
    for _ in range(2):
        batches = list(loader)
        assert [bytes(row) for made in batches for row in made] == [content(i) for i in range(12)]
    if batch:
        assert all(made.untyped_storage().nbytes() == 4 * SIZE for made in batches)
        assert memory_stats()["held"] >= 12
    else:
        assert in_place[3:] == [True] * 3


@pytest.mark.parametrize("batch_size", [1, 7, 64, 100])
@pytest.mark.parametrize(
    "options", [{}, {"shuffle": True}, {"max_concurrent": 1}, {"prefetch": 3}, {"memory_budget": 1}]
)
def test_in_the_main_process_most_batches_of_the_first_epoch_are_in_place(
    folder: Folder, batch_size: int, options: dict[str, Any]
) -> None:
    """What was under way before the first batch was collated is copied: no more than four windows."""
    fill_equal(folder, 1000)
    dataset = S3IterableDataset(folder.uri("equal/"), options)
    seen = list(DataLoader(dataset, batch_size=batch_size, collate_fn=collate_and_place))
    rows = [bytes(row) for batch, _ in seen for row in batch]
    wanted = [content(i) for i in range(1000)]
    assert (sorted(rows) if options.get("shuffle") else rows) == wanted
    copied = [number for number, (_, in_place) in enumerate(seen) if not in_place]
    assert max(copied, default=0) * batch_size <= 64 + 128 + 256, "from the fourth window on, none"


def test_the_limits_hold_while_windows_follow_each_other(folder: Folder) -> None:
    fill_equal(folder, 1000)
    dataset = s3dlio.create_dataset(folder.uri("equal/"), max_concurrent=6)
    length = torch.tensor(0)
    opened = open_windows(dataset, new_progress(dataset.options, 0), length, False)
    windows: Any = opened.stream
    taken = 0
    while items := windows.take(1, 10):
        assert [item.index for item in items] == list(range(taken, taken + len(items)))
        taken += len(items)
        if taken >= 70:
            length.fill_(30)
        assert len(windows._open) <= 2
        if windows._next == 1000:  # the one that has all that is left: at the end of a batch, and alone
            assert len(windows._open) == 1 and windows._open[0].start % 30 == 0
    assert taken == 1000


def collate_and_place(samples: list[Any]) -> tuple[Any, bool]:
    made = default_collate(samples)
    return made, made.data_ptr() == samples[0].data_ptr()


def test_two_windows_are_under_way_within_the_budget(folder: Folder) -> None:
    """Seen from inside: what is open, and that its sizes are below the budget."""
    fill_equal(folder, 100)
    dataset = s3dlio.create_dataset(folder.uri("equal/"), memory_budget=20 * SIZE, max_concurrent=5)
    options = stream_options(dataset.options)
    windows: Any = SharedWindows(dataset, range(100), torch.tensor(4), options, event_fd=False)
    seen = []
    while items := windows.take(1, 3):
        assert len(windows._open) <= 2
        assert all(len(window.parts) == 8 for window in windows._open if window.start < 96)  # two batches: 512 of 640
        assert len(windows._open) == 2 or windows._next == 100
        for item in items:
            assert isinstance(item, BlockItem)
            seen.append(item.tensor.numpy().tobytes())
    assert seen == [content(i) for i in range(100)]
    windows.close()
    assert windows.take(1, 1) == []
