"""Processes that fork after they have used the library, and their children, which use it too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import programs
from tests.support.servers import Bucket


@pytest.mark.parametrize(
    "case",
    [
        "after_io",
        "before_any_io",
        "nested",
        "nested_with_one_descriptor",
        "inherited_views",
        "inherited_streams",
        "clients_connect_anew",
        "a_child_knows_at_once",
        "closed_descriptors",
        "no_execution_in_memory",
        "no_execution_anywhere",
        "while_other_threads_load",
        "no_descriptor_reaches_other_programs",
    ],
)
def test_forked_children(case: str) -> None:
    assert programs.run("forks", case) == "ok\n"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A file whose end is not aligned."""
    path = tmp_path / "content"
    path.write_bytes(os.urandom(300_001))
    return path


def test_a_thousand_forks_of_a_busy_process(content: Path, minio_bucket: Bucket) -> None:
    remote = minio_bucket.put("key", content.read_bytes())
    assert programs.run("many_forks", content, f"file://{content}", f"direct://{content}", remote).startswith("ok")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_start_methods_of_multiprocessing(method: str, content: Path, minio_bucket: Bucket) -> None:
    remote = minio_bucket.put("key", content.read_bytes())
    assert programs.run("start_methods", method, f"file://{content}", f"direct://{content}", remote) == "ok\n"
