"""Batches that are fetched into one piece of memory: nothing copies them, and sizes that have changed do no harm."""

from __future__ import annotations

import gc

import pytest
import torch
from torch.utils.data import DataLoader, default_collate

import s3dlio
from s3dlio.torch import S3MapDataset
from s3dlio.torch.blocks import fetch_block, is_block
from tests.support.samples import Folder, Store, fill, sample


def contents(tensors: list[torch.Tensor]) -> list[bytes]:
    return [tensor.numpy().tobytes() for tensor in tensors]


def test_a_block_holds_the_samples_one_behind_the_other(store: Store) -> None:
    fill(store, 6)
    parts = fetch_block(s3dlio.create_dataset(store.uri("train/")), [4, 0, -1, 4])
    assert parts is not None
    assert is_block(parts)
    assert contents(parts) == [sample(4), sample(0), sample(5), sample(4)]


def test_large_samples_are_split_inside_a_block(store: Store) -> None:
    for i in range(3):
        store.put(f"{i}", bytes([i]) * 300_000)
    parts = fetch_block(s3dlio.create_dataset(store.uri(), part_size=70_000), [0, 1, 2])
    assert parts is not None
    assert contents(parts) == [bytes([i]) * 300_000 for i in range(3)]


def test_a_part_keeps_the_block(folder: Folder) -> None:
    fill(folder, 50)
    dataset = S3MapDataset(folder.uri("train/"))
    last = dataset.__getitems__(list(range(50)))[-1]
    gc.collect()
    others = [dataset.__getitems__(list(range(50))) for _ in range(5)]
    assert contents([last]) == [sample(49)]
    assert len(others) == 5


def test_collating_a_block_copies_nothing(folder: Folder) -> None:
    for i in range(4):
        folder.put(f"{i}", b"%d" % i * 8)
    samples = S3MapDataset(folder.uri()).__getitems__([0, 1, 2, 3])
    batch = default_collate(samples)
    assert batch.data_ptr() == samples[0].data_ptr()
    assert (type(batch), tuple(batch.shape)) == (torch.Tensor, (4, 8))
    assert contents(list(batch)) == [b"%d" % i * 8 for i in range(4)]
    assert default_collate(samples[::-1]).data_ptr() != samples[3].data_ptr()  # not one behind the other
    assert contents(list(default_collate(samples[::-1]))) == [b"%d" % i * 8 for i in (3, 2, 1, 0)]


@pytest.mark.parametrize("sizes", [(8, 8, 8, 8), (8, 3, 0, 9), (0, 0, 0, 0)])
@pytest.mark.parametrize("workers", [0, 1])
def test_batches_of_any_sizes(folder: Folder, sizes: tuple[int, ...], workers: int) -> None:
    for i, size in enumerate(sizes):
        folder.put(f"{i}", b"%d" % i * size)
    (batch,) = DataLoader(S3MapDataset(folder.uri()), batch_size=4, num_workers=workers)
    assert isinstance(batch, torch.Tensor) == (len(set(sizes)) == 1)
    assert contents(list(batch)) == [b"%d" % i * size for i, size in enumerate(sizes)]
    if workers and any(sizes):
        assert batch[0].is_shared()


@pytest.mark.parametrize("content", [b"", b"short", b"longer than it was when it was listed"])
def test_a_sample_whose_size_has_changed_comes_as_it_is(store: Store, content: bytes) -> None:
    fill(store, 3)
    dataset = S3MapDataset(store.uri("train/"))
    store.put("train/0001.bin", content)
    assert contents(dataset.__getitems__([0, 1, 2])) == [sample(0), content, sample(2)]


def test_unknown_sizes_need_no_block(folder: Folder) -> None:
    uris = fill(folder, 3)
    assert fetch_block(s3dlio.PyDataset.from_uris(uris), [0, 1]) is None
    assert contents(S3MapDataset.from_uris(uris).__getitems__([2, 0])) == [sample(2), sample(0)]


def test_errors_are_raised_as_ever(folder: Folder) -> None:
    fill(folder, 3)
    dataset = S3MapDataset(folder.uri("train/"))
    (folder.path / "train/0001.bin").unlink()
    with pytest.raises(s3dlio.NotFoundError, match=r"0001\.bin"):
        dataset.__getitems__([0, 1, 2])


def test_fetch_into_memory_of_the_caller(store: Store) -> None:
    fill(store, 3)
    dataset = s3dlio.create_dataset(store.uri("train/"))
    memory = [bytearray(10), bytearray(b"." * 10)]
    assert dataset.fetch_into([2, 0], memory) == [4, 2]
    assert [bytes(m) for m in memory] == [sample(2) + bytes(6), sample(0) + b"." * 8]
    with pytest.raises(s3dlio.InvalidError, match="do not fit"):
        dataset.fetch_into([2], [bytearray(3)])
    with pytest.raises(s3dlio.InvalidError):
        dataset.fetch_into([0, 1], [bytearray(3)])
    assert [dataset.size(i) for i in (0, 1, -1)] == [2, 3, 4]
