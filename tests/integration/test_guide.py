"""The guide is true: its code blocks run as they are written, against real servers.

Only places are changed: the root of local paths, and the names of buckets. What blocks leave undefined is supplied.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import s3dlio
from s3dlio.options import Options
from tests.support.samples import Folder, number_of, sample
from tests.support.servers import Bucket, S3Server

GUIDE = Path(__file__).parents[2] / "docs/guide/enhanced-api-migration-guide.md"

# Blocks that need what is not there yet. A block that begins to work has to be taken off.
PENDING = {
    "Azure Blob Storage (`az://`)": "the scheme az",
    "Example 3: Multi-Backend Pipeline": "writers",
}

FILES = [
    "path/to/data/{}.bin", "data/{}.bin", "home/user/data.txt", "home/user/dataset/deep/{}.bin", "dev/nvme0n1",
    "mnt/shared/data/{}.bin", "local/training/data/{}.bin", "local/input/{}.bin", "valid/path/{}.bin",
]  # fmt: skip
OBJECTS = [
    "bucket/prefix/{}.bin", "bucket/data/{}.bin", "bucket/key", "my-bucket/train-data/{}.bin", "my-bucket/model.bin",
    "my-bucket/data/{}.bin", "huge-bucket/dataset/{}.bin", "input-bucket/{}.bin",
]  # fmt: skip
COUNT = 5


@dataclass(frozen=True)
class Block:
    """A block of code of the guide; `name` is the heading above it, with a number from the second block on."""

    name: str
    code: str


def read_blocks() -> list[Block]:
    found: list[Block] = []
    heading, number = "", 0
    code: list[str] | None = None
    for line in GUIDE.read_text().splitlines():
        if code is not None and line == "```":
            number += 1
            found.append(Block(heading if number == 1 else f"{heading} {number}", "\n".join([*code, ""])))
            code = None
        elif code is not None:
            code.append(line)
        elif line == "```python":
            code = []
        elif line.startswith("#"):
            heading, number = line.lstrip("# "), 0
    return found


BLOCKS = {block.name: block for block in read_blocks()}


class World:
    """The places of the guide, filled with samples, and the means to run its blocks there."""

    def __init__(self, folder: Path, server: S3Server) -> None:
        self.folder = Folder(folder)
        (folder / "local/results").mkdir(parents=True)
        names = {path.partition("/")[0] for path in OBJECTS} | {"output-bucket"}
        self.buckets = {name: Bucket(server, f"guide-{name}-{uuid.uuid4().hex[:8]}") for name in names}
        for bucket in self.buckets.values():
            server.client.create_bucket(Bucket=bucket.name)
        for pattern in FILES:
            self._fill(self.folder.put, pattern)
        for pattern in OBJECTS:
            name, _, key = pattern.partition("/")
            self._fill(self.buckets[name].put, key)

    @staticmethod
    def _fill(put: Callable[[str, bytes], str], pattern: str) -> None:
        for i in range(COUNT if "{}" in pattern else 1):
            put(pattern.format(i), sample(i))

    def place(self, text: str) -> str:
        """A text with the places of the guide turned into ours."""
        text = re.sub(r"\b(file|direct):///", rf"\1://{self.folder.path}/", text)
        return re.sub(r"\bs3://([\w-]+)/", lambda m: f"s3://{self.buckets[m[1]].name}/", text)

    def run(self, block: Block) -> dict[str, Any]:
        """Runs a block; returns its names."""
        names = {"__name__": "guide", "s3dlio": s3dlio, "process_item": process_item, "process": process}
        exec(compile(self.place(block.code), f"{GUIDE.name}: {block.name}", "exec"), names)
        return names


async def process_item(item: Any) -> int:
    return number_of(item)


def process(dataset: s3dlio.PyDataset) -> bytes:
    return b"".join(bytes(view) for view in dataset)


@pytest.fixture(scope="module")
def world(minio: S3Server, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("guide"), minio)


@pytest.fixture(autouse=True)
def _environment(minio: S3Server, use_server: Callable[[S3Server], None]) -> None:
    use_server(minio)


def test_every_block_is_found_and_every_pending_one_exists() -> None:
    assert len(BLOCKS) == GUIDE.read_text().count("```python") == 14
    assert set(PENDING) <= set(BLOCKS)


@pytest.mark.parametrize("name", [name for name in BLOCKS if name not in PENDING])
def test_block_runs(world: World, name: str) -> None:
    names = world.run(BLOCKS[name])
    for value in names.values():
        if isinstance(value, s3dlio.PyDataset):
            assert len(value) == COUNT
        elif isinstance(value, dict) and value is not names["__builtins__"]:
            Options.parse(value)


@pytest.mark.parametrize("name", PENDING)
def test_pending_block_does_not_run_yet(world: World, name: str) -> None:
    with pytest.raises((AttributeError, s3dlio.UnsupportedError)):
        world.run(BLOCKS[name])


def test_the_async_loader_gives_every_item(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.run(BLOCKS["`create_async_loader(uri: str, options: dict = None) -> PyBytesAsyncDataLoader`"])
    assert capsys.readouterr().out == "".join(f"Got {len(sample(i))} bytes\n" for i in range(COUNT))


def test_the_error_handling_tells_the_cases_apart(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    names = world.run(BLOCKS["Example 4: Error Handling"])
    lines = ["Path not found: file:///nonexistent/path", "URI scheme not supported: ftp://invalid/scheme"]
    assert capsys.readouterr().out.splitlines() == [world.place(line) for line in lines]
    assert [number_of(view) for view in names["dataset"]] == list(range(COUNT))


def test_the_torch_loop_sees_every_sample(world: World) -> None:
    code = BLOCKS["Example 1: PyTorch DataLoader (Fixed)"].code.replace("    pass\n", "    seen.extend(batch)\n")
    assert "seen.extend" in code
    names = world.run(Block("Example 1", "seen = []\n" + code))
    assert [number_of(tensor.numpy()) for tensor in names["seen"]] == list(range(COUNT))


def test_what_was_put_comes_back(world: World) -> None:
    names = world.run(BLOCKS["🔄 Backward Compatibility"])
    assert bytes(names["data"]) == world.buckets["bucket"].get("key")
    assert names["keys"] == [world.place(f"s3://bucket/prefix/{i}.bin") for i in range(COUNT)]
