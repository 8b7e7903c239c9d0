"""The pages of docs/backends are true: their blocks run as they are written, against real servers.

Only places are changed: names of buckets, and folders.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.samples import Store

PAGES = Path(__file__).parents[2] / "docs/backends"
NAMED = {"s3": "minio_bucket", "azure": "azure_container", "gcs": "google_bucket", "hdfs": "hdfs_directory"}
FILES = ("file", "direct")


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (PAGES / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)


def run(page: str, text: str) -> None:
    exec(compile(text, f"{page}.md", "exec"), {"__name__": page})


@pytest.mark.parametrize("page", [page for page in NAMED if (PAGES / f"{page}.md").exists()])
def test_blocks_of_services_run(page: str, request: pytest.FixtureRequest) -> None:
    place: Store = request.getfixturevalue(NAMED[page])
    found = blocks(page)
    assert found
    run(page, "\n".join(re.sub(r"\b\w+://(bucket|container|namenode:8020)/", place.uri(), block) for block in found))


@pytest.mark.parametrize("page", FILES)
def test_blocks_of_local_files_run(page: str, tmp_path: Path) -> None:
    found = blocks(page)
    assert found
    run(page, "\n".join(re.sub(r"\b(file|direct):///(var/)?tmp/", rf"\1://{tmp_path}/", block) for block in found))
