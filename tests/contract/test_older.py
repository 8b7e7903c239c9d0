"""The classes of older programs."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path
from typing import Any

import pytest

import s3dlio
from s3dlio.errors import InvalidError, NotFoundError, UnsupportedError
from tests.support.samples import Folder, fill, number_of


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    place = Folder(tmp_path)
    fill(place, 5)
    return place


def test_the_dataset(folder: Folder) -> None:
    dataset = s3dlio.PyS3Dataset(folder.uri("train/"), {"shuffle": True, "seed": 3})
    assert isinstance(dataset, s3dlio.PyDataset)
    assert len(dataset) == 5
    assert dataset.keys()[2].endswith("train/0002.bin")
    same = s3dlio.create_dataset(folder.uri("train/"), shuffle=True, seed=3)
    for each in (dataset, pickle.loads(pickle.dumps(dataset)), dataset.with_options(batch_size=None), dataset[:]):
        assert [number_of(view) for view in each] == [number_of(view) for view in same]
    assert len(s3dlio.PyS3Dataset(folder.uri("train/"), opts={"pattern": "*3.bin"})) == 1
    assert len(s3dlio.PyS3Dataset.from_uris([folder.uri("train/0001.bin")])) == 1


def test_every_step_of_the_loader_is_a_batch(folder: Folder) -> None:
    async def steps(*arguments: Any, **keywords: Any) -> list[list[int]]:
        loader = s3dlio.PyS3AsyncDataLoader(*arguments, **keywords)
        return [[number_of(view) for view in batch] async for batch in loader]

    uri = folder.uri("train/")
    assert asyncio.run(steps(uri)) == [[0], [1], [2], [3], [4]]
    assert asyncio.run(steps(uri, {"batch_size": 2})) == [[0, 1], [2, 3], [4]]
    assert asyncio.run(steps(uri, opts={"batch_size": 2, "drop_last": True})) == [[0, 1], [2, 3]]
    assert asyncio.run(steps(s3dlio.PyS3Dataset(uri), batch_size=5)) == [[0, 1, 2, 3, 4]]
    assert [len(batch) for batch in s3dlio.PyS3AsyncDataLoader(uri)] == [1] * 5


@pytest.mark.parametrize(
    ("uri", "options", "error"),
    [
        ("file:///no/such/place", {}, NotFoundError),
        ("gopher://b/k", {}, UnsupportedError),
        ("nowhere", {}, InvalidError),
        ("file:///tmp", {"batch_sise": 2}, InvalidError),
    ],
)
def test_bad_input(uri: str, options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        s3dlio.PyS3Dataset(uri, options)
    with pytest.raises(error):
        next(iter(s3dlio.PyS3AsyncDataLoader(uri, options)))
