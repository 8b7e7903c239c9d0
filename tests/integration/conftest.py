"""Places of every kind of store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.hdfs import Hdfs
from tests.support.mem import MemBucket
from tests.support.samples import Folder, Store
from tests.support.servers import S3Server


@pytest.fixture(params=["file", "direct", "mem", "minio", "versitygw", "hdfs"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty place of each kind."""
    if request.param in ("file", "direct"):
        return Folder(tmp_path, request.param)
    if request.param == "mem":
        return MemBucket()
    if request.param == "hdfs":
        hdfs: Hdfs = request.getfixturevalue("hdfs")
        return hdfs.new_directory()
    server: S3Server = request.getfixturevalue(request.param)
    request.getfixturevalue("use_server")(server)
    return server.new_bucket()
