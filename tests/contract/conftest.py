"""Places for samples: the same tests hold for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.samples import Folder, Store


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty local folder."""
    return Folder(tmp_path)


@pytest.fixture(params=["file", "s3", "hdfs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty place: a local folder, a bucket, and a directory of HDFS."""
    if request.param == "file":
        return Folder(tmp_path)
    if request.param == "hdfs":
        directory: Store = request.getfixturevalue("hdfs").new_directory()
        return directory
    bucket: Store = request.getfixturevalue("minio_bucket")
    return bucket
