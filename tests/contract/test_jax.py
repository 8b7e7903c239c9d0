"""Arrays for JAX."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import s3dlio

Sizes = list[int]


def folder(path: Path, sizes: Sizes) -> str:
    for number, size in enumerate(sizes):
        (path / f"{number:03}.bin").write_bytes(bytes([number]) * size)
    return f"file://{path}/"


def test_a_sample_is_an_array(tmp_path: Path) -> None:
    made = s3dlio.JaxIterable(folder(tmp_path, [5, 0, 7]))
    for _ in range(2):  # each for is a pass
        arrays = list(made)
        assert [array.tolist() for array in arrays] == [[0] * 5, [], [2] * 7]
        assert all(array.dtype == np.uint8 and array.ndim == 1 for array in arrays)
    arrays[0][0] = 9  # it may be written to


def test_a_batch_of_equal_samples_is_one_array_without_a_copy(tmp_path: Path) -> None:
    made = s3dlio.JaxIterable.from_prefix(folder(tmp_path, [4096] * 7), batch_size=3)
    arrays = list(made)
    assert [array.shape for array in arrays] == [(3, 4096), (3, 4096), (1, 4096)]
    assert [int(row[0]) for array in arrays for row in array] == list(range(7))
    assert not any(array.flags.owndata for array in arrays)


def test_a_ragged_batch_is_a_list(tmp_path: Path) -> None:
    (step,) = s3dlio.JaxIterable(folder(tmp_path, [1, 2, 3]), {"batch_size": 3})
    assert [array.tolist() for array in step] == [[0], [1, 1], [2, 2, 2]]


def test_options_and_transform_have_their_effect(tmp_path: Path) -> None:
    made = s3dlio.JaxIterable(folder(tmp_path, [1] * 50), {"shuffle": True, "seed": 1}, transform=lambda a: int(a[0]))
    first = list(made)
    assert sorted(first) == list(range(50)) != first
    made.set_epoch(1)
    assert sorted(made) == list(range(50))
    assert list(made) != first


def test_a_dataset_will_do(tmp_path: Path) -> None:
    dataset = s3dlio.create_dataset(folder(tmp_path, [2, 2, 2]))
    assert len(list(s3dlio.JaxIterable(dataset[1:]))) == 2


def test_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(s3dlio.InvalidError, match="batch_size"):
        s3dlio.JaxIterable(folder(tmp_path, [1]), batchsize=3)
    with pytest.raises(s3dlio.UnsupportedError, match="unsupported scheme 'ftp'"):
        s3dlio.JaxIterable("ftp://host/")
    with pytest.raises(s3dlio.NotFoundError):
        list(s3dlio.JaxIterable(f"file://{tmp_path}/none/"))
    missing: Any = None
    monkeypatch.setitem(sys.modules, "numpy", missing)
    with pytest.raises(s3dlio.UnsupportedError, match=r"pip install s3dlio\[numpy\]"):
        s3dlio.JaxIterable(f"file://{tmp_path}/")
