"""Pages of the guide are true: their blocks run in order, as they are written, against a real server.

Only places are changed: the root of local paths, and the name of the bucket.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.servers import Bucket

GUIDE = Path(__file__).parents[2] / "docs/guide"


@pytest.mark.parametrize(("page", "blocks"), [("writing", 6), ("checkpoints", 5)])
def test_blocks_run(page: str, blocks: int, minio_bucket: Bucket, tmp_path: Path) -> None:
    code = re.findall(r"^```python\n(.*?)^```$", (GUIDE / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(code) == blocks
    names = {"__name__": page}
    for number, block in enumerate(code, 1):
        placed = re.sub(r"\b(file|direct):///", rf"\1://{tmp_path}/", block)
        placed = re.sub(r"\bs3://bucket/|\"bucket\"", lambda m: m[0].replace("bucket", minio_bucket.name), placed)
        exec(compile(placed, f"{page}.md, block {number}", "exec"), names)
    assert minio_bucket.uploads() == []
