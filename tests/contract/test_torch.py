"""The torch datasets in one process: what a sample is, how samples become batches, which options apply."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, RandomSampler, default_collate

import s3dlio
from s3dlio.passes import data_view
from s3dlio.torch import (
    ObjectStoreIterableDataset,
    ObjectStoreMapDataset,
    S3IterableDataset,
    S3MapDataset,
    SampleTensor,
)
from s3dlio.torch.samples import SampleMaker
from tests.support.samples import Folder, Store, fill, number_of, sample

# torch warns where there are more workers than processors
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")
DATASETS = [S3IterableDataset, S3MapDataset]
AnyDataset = type[S3IterableDataset] | type[S3MapDataset]


def samples_of(dataset: Any) -> list[Any]:
    return [dataset[i] for i in range(len(dataset))] if isinstance(dataset, S3MapDataset) else list(dataset)


@pytest.fixture(params=DATASETS)
def kind(request: pytest.FixtureRequest) -> AnyDataset:
    """Each class of dataset."""
    found: AnyDataset = request.param
    return found


def test_tensors(store: Store, kind: AnyDataset) -> None:
    fill(store, 4)
    tensors = samples_of(kind(store.uri("train/")))
    for number, tensor in enumerate(tensors):
        assert isinstance(tensor, torch.Tensor)
        assert (tensor.dtype, tensor.shape) == (torch.uint8, (len(sample(number)),))
        assert tensor.numpy().tobytes() == sample(number)
        assert type(tensor + 1) is torch.Tensor


def test_a_tensor_lies_in_the_fetched_memory_and_keeps_it(folder: Folder) -> None:
    folder.put("a", b"x" * 100_000)
    to_tensor = SampleMaker("tensor", None)
    ((address, tensor),) = s3dlio.create_dataset(folder.uri("a")).start_pass(
        lambda item, opened: (np.asarray(memoryview(data_view(item, opened))).ctypes.data, to_tensor(item, opened))
    )
    assert tensor.data_ptr() == address
    folder.put("a", b"y" * 100_000)
    others = [s3dlio.get(folder.uri("a")) for _ in range(20)]  # would take its memory if that were free
    assert tensor.numpy().tobytes() == b"x" * 100_000
    tensor.fill_(7)
    assert all(view == b"y" * 100_000 for view in others)


def test_empty_objects_are_empty_tensors(folder: Folder, kind: AnyDataset) -> None:
    folder.put("a", b"")
    (tensor,) = samples_of(kind(folder.uri()))
    assert (tensor.dtype, tensor.shape) == (torch.uint8, (0,))


def test_bytes_and_items(store: Store, kind: AnyDataset) -> None:
    uris = fill(store, 3)
    assert samples_of(kind(store.uri("train/"), return_type="bytes")) == [sample(i) for i in range(3)]
    items = samples_of(kind(store.uri("train/"), return_type="item"))
    assert [item.uri for item in items] == uris
    assert [item.read() for item in items] == [sample(i) for i in range(3)]
    assert [item.data for item in items] == [sample(i) for i in range(3)]
    again = pickle.loads(pickle.dumps(items))
    assert [(item.uri, item.bucket, item.key, item.read()) for item in again] == [
        (item.uri, item.bucket, item.key, item.read()) for item in items
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_default_collate_stacks_equal_samples_and_lists_others(folder: Folder, kind: AnyDataset, workers: int) -> None:
    for i in range(8):
        folder.put(f"equal/{i}", b"%d|" % i + b"x" * 30)
    fill(folder, 8, "ragged/")
    loader = DataLoader(kind(folder.uri("equal/")), batch_size=4, num_workers=workers)
    batches = list(loader)
    assert [(type(b), b.dtype, tuple(b.shape)) for b in batches] == [(torch.Tensor, torch.uint8, (4, 32))] * 2
    assert sorted(number_of(row.numpy()) for batch in batches for row in batch) == list(range(8))
    ragged = list(DataLoader(kind(folder.uri("ragged/")), batch_size=4, num_workers=workers))
    assert all(isinstance(batch, list) and len(batch) == 4 for batch in ragged)
    assert sorted(number_of(t.numpy()) for batch in ragged for t in batch) == list(range(8))
    assert all(t.numpy().tobytes() == sample(number_of(t.numpy())) for batch in ragged for t in batch)


def test_other_tensors_collate_as_ever() -> None:
    assert default_collate([torch.ones(2), torch.ones(2)]).shape == (2, 2)
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([torch.ones(2), torch.ones(3)])


def test_tensors_inside_other_samples_collate_too(folder: Folder) -> None:
    fill(folder, 4)
    dataset = S3IterableDataset(folder.uri("train/"), transform=lambda tensor: {"data": tensor, "size": len(tensor)})
    (batch,) = DataLoader(dataset, batch_size=4)
    assert [t.numpy().tobytes() for t in batch["data"]] == [sample(i) for i in range(4)]
    assert batch["size"].tolist() == [len(sample(i)) for i in range(4)]


@pytest.mark.parametrize("workers", [0, 2])
def test_bytes_and_items_collate_to_lists(store: Store, kind: AnyDataset, workers: int) -> None:
    uris = fill(store, 4)
    loader = DataLoader(kind(store.uri("train/"), return_type="bytes"), batch_size=2, num_workers=workers)
    assert sorted(data for batch in loader for data in batch) == sorted(sample(i) for i in range(4))
    for batch in DataLoader(kind(store.uri("train/"), return_type="item"), batch_size=2, num_workers=workers):
        assert len(batch) == 2
        for item in batch:
            bucket, key, data = item.bucket, item.key, item.read()
            assert isinstance(data, bytes)
            assert data == sample(uris.index(item.uri))
            assert item.uri.endswith(f"{bucket}{'/' if bucket else ''}{key}")


def test_without_automatic_batches_samples_come_one_by_one(folder: Folder, kind: AnyDataset) -> None:
    fill(folder, 3)
    for workers in (0, 1):
        loaded = list(DataLoader(kind(folder.uri("train/")), batch_size=None, num_workers=workers))
        assert [number_of(tensor.numpy()) for tensor in loaded] == [0, 1, 2]
        assert all(isinstance(tensor, SampleTensor) for tensor in loaded)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_of_the_dataset_itself_are_collated(folder: Folder, workers: int) -> None:
    for i in range(10):
        folder.put(f"equal/{i}", b"%d|" % i)
    dataset = S3IterableDataset(folder.uri("equal/"), batch_size=2, drop_last=True)
    batches = list(DataLoader(dataset, batch_size=None, num_workers=workers))
    assert [tuple(batch.shape) for batch in batches] == [(2, 2)] * (5 if workers == 0 else 4)


def test_transform_takes_the_place_of_a_sample(folder: Folder, kind: AnyDataset) -> None:
    fill(folder, 3)
    dataset = kind(folder.uri("train/"), return_type="bytes", transform=len)
    assert samples_of(dataset) == [len(sample(i)) for i in range(3)]


def test_names_and_constructors(folder: Folder, kind: AnyDataset) -> None:
    uris = fill(folder, 5)
    assert ObjectStoreIterableDataset is S3IterableDataset
    assert ObjectStoreMapDataset is S3MapDataset
    options = {"max_concurrent": 2}
    for dataset in (
        kind(folder.uri("train/"), options, return_type="bytes"),
        kind.from_prefix(folder.uri("train/"), options, return_type="bytes"),
        kind.from_uris(uris, options, return_type="bytes"),
        kind(s3dlio.create_dataset(folder.uri("train/")), options, return_type="bytes"),
    ):
        assert samples_of(dataset) == [sample(i) for i in range(5)]
        assert dataset.dataset.options.max_concurrent == 2
        assert repr(dataset) == f"<{kind.__name__} of 5 samples>"
    assert samples_of(kind.from_uris(uris[3:0:-2], return_type="bytes")) == [sample(3), sample(1)]


def test_mistakes_are_named(folder: Folder, kind: AnyDataset) -> None:
    fill(folder, 1)
    uri = folder.uri("train/")
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: kind(uri, return_type="tensors"), "'tensor' or 'bytes' or 'item'"),  # type: ignore[arg-type]
        (lambda: kind(uri, transform="len"), "transform"),  # type: ignore[arg-type]
        (lambda: kind(uri, {"prefech": 1}), "'prefetch'"),
        (lambda: kind(uri, prefech=1), "'prefetch'"),
        (lambda: kind("ftp://x/"), "unsupported"),
        (lambda: kind(folder.uri("none/")), "not found"),
    ]
    for make, text in wrong:
        with pytest.raises(s3dlio.S3DlioError, match=text):
            make()


@pytest.mark.parametrize(
    "options", [{"shuffle": True}, {"batch_size": 2}, {"order": "completion"}, {"shard_rank": 0, "shard_world_size": 2}]
)
def test_a_map_dataset_refuses_what_a_sampler_decides(folder: Folder, options: dict[str, Any]) -> None:
    fill(folder, 1)
    with pytest.raises(s3dlio.InvalidError, match=f"{next(iter(options))}.*DataLoader"):
        S3MapDataset(folder.uri("train/"), options)


def test_random_access(store: Store) -> None:
    fill(store, 6)
    dataset = S3MapDataset(store.uri("train/"), return_type="bytes")
    assert len(dataset) == 6
    assert dataset[-1] == sample(5)
    assert dataset.__getitems__([5, 1, 1]) == [sample(5), sample(1), sample(1)]
    with pytest.raises(IndexError):
        dataset[6]
    loader = DataLoader(dataset, batch_size=4, sampler=RandomSampler(dataset))
    assert sorted(data for batch in loader for data in batch) == sorted(sample(i) for i in range(6))


def test_explicit_shards_and_epochs(folder: Folder) -> None:
    fill(folder, 21)
    for epoch in range(2):
        seen: list[int] = []
        for rank in range(3):
            dataset = S3IterableDataset(
                folder.uri("train/"), return_type="bytes", shuffle=True, shard_rank=rank, shard_world_size=3
            )
            dataset.set_epoch(epoch)
            part = [number_of(data) for batch in DataLoader(dataset, batch_size=2, num_workers=2) for data in batch]
            assert len(part) == 7
            seen += part
        assert sorted(seen) == list(range(21))
        assert seen != list(range(21))


def test_enable_sharding_false_gives_everything_to_every_worker(folder: Folder) -> None:
    fill(folder, 3)
    dataset = S3IterableDataset(folder.uri("train/"), return_type="bytes", enable_sharding=False)
    loaded = [number_of(data) for data in DataLoader(dataset, batch_size=None, num_workers=2)]
    assert sorted(loaded) == [0, 0, 1, 1, 2, 2]


def test_more_workers_than_samples(folder: Folder) -> None:
    fill(folder, 2)
    loader = DataLoader(S3IterableDataset(folder.uri("train/"), return_type="bytes"), batch_size=4, num_workers=3)
    assert sorted(number_of(data) for batch in loader for data in batch) == [0, 1]


# one case with a worker: after an error torch waits five seconds for it, whatever the dataset
@pytest.mark.parametrize(("kind", "workers"), [(S3IterableDataset, 0), (S3MapDataset, 0), (S3MapDataset, 1)])
def test_an_error_names_the_object(folder: Folder, kind: AnyDataset, workers: int) -> None:
    uris = fill(folder, 2)
    Path(folder.path / "train/0001.bin").unlink()
    loader = DataLoader(kind.from_uris(uris), batch_size=2, num_workers=workers)
    with pytest.raises(s3dlio.NotFoundError, match=r"0001\.bin"):
        list(loader)


def test_datasets_pickle(folder: Folder, kind: AnyDataset) -> None:
    fill(folder, 6)
    options = {"shuffle": True} if kind is S3IterableDataset else {}
    dataset = kind(folder.uri("train/"), options, return_type="bytes", transform=bytes)
    before = samples_of(dataset)
    again = pickle.loads(pickle.dumps(dataset))
    assert samples_of(again) == before
    if isinstance(again, S3IterableDataset):
        again.set_epoch(3)
        assert samples_of(again) != before == samples_of(dataset)


def test_sample_tensors_pickle(folder: Folder) -> None:
    folder.put("a", b"abc")
    (tensor,) = S3IterableDataset(folder.uri())
    again = pickle.loads(pickle.dumps(tensor))
    assert isinstance(again, SampleTensor)
    assert again.numpy().tobytes() == b"abc"
