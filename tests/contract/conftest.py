"""Places for samples: the same tests hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.samples import Folder, Store


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty local folder."""
    return Folder(tmp_path)


@pytest.fixture(params=["file", "minio", "azurite", "fake_gcs", "hdfs"])
def store(request: pytest.FixtureRequest, place_of: Callable[[str], Store]) -> Store:
    """An empty place of each kind whose objects are read in a way of their own: a local folder, and the services."""
    return place_of(request.param)
