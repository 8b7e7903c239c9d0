"""The guides to single features are true: their blocks run as they are written, assertions included."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.guides import World, read_blocks
from tests.support.servers import S3Server

pytestmark = [
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),  # more workers than processors
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated"),  # torchdata calls it
]
GUIDES = ("endpoints.md", "resume.md", "batches.md", "functions.md")
BLOCKS = {f"{guide}: {name}": block for guide in GUIDES for name, block in read_blocks(guide).items()}


@pytest.fixture(scope="module")
def world(minio: S3Server, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("guide"), minio)


@pytest.mark.parametrize("name", BLOCKS)
def test_block_runs(world: World, minio: S3Server, use_server: Callable[[S3Server], None], name: str) -> None:
    use_server(minio)
    world.run(BLOCKS[name])
