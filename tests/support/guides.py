"""Guides of docs/guide, whose blocks of code are run: only places change, and what is left undefined is supplied."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import s3dlio
from tests.support.samples import Folder, Store, number_of, sample
from tests.support.servers import Bucket, S3Server

GUIDES = Path(__file__).parents[2] / "docs/guide"
FILES = [
    "path/to/data/{}.bin", "data/{}.bin", "home/user/data.txt", "home/user/dataset/deep/{}.bin", "dev/nvme0n1",
    "mnt/shared/data/{}.bin", "local/training/data/{}.bin", "local/input/{}.bin", "valid/path/{}.bin",
]  # fmt: skip
OBJECTS = [
    "bucket/prefix/{}.bin", "bucket/data/{}.bin", "bucket/key", "my-bucket/train-data/{}.bin", "my-bucket/model.bin",
    "my-bucket/data/{}.bin", "huge-bucket/dataset/{}.bin", "input-bucket/{}.bin",
]  # fmt: skip
OTHER_PREFIXES = ("path/", "prefix/")
COUNT = 5


@dataclass(frozen=True)
class Block:
    """A block of code of the guide; `name` is the heading above it, with a number from the second block on."""

    name: str
    code: str


def read_blocks(guide: str) -> dict[str, Block]:
    """The Python blocks of a guide, by name."""
    found: list[Block] = []
    heading, number = "", 0
    code: list[str] | None = None
    for line in (GUIDES / guide).read_text().splitlines():
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
    return {block.name: block for block in found}


class World:
    """The places of the guide, filled with samples, and the means to run its blocks there."""

    def __init__(
        self,
        folder: Path,
        server: S3Server,
        files: Sequence[str] = FILES,
        objects: Sequence[str] = OBJECTS,
        others: Mapping[str, Store] | None = None,
    ) -> None:
        """Fills the places; `others` are those that begin otherwise: az://container/, for instance."""
        self.folder = Folder(folder)
        self._endpoint = server.endpoint
        (folder / "local/results").mkdir(parents=True)
        names = {path.partition("/")[0] for path in objects} | {"output-bucket"}
        self.buckets = {name: Bucket(server, f"guide-{name}-{uuid.uuid4().hex[:8]}") for name in names}
        for bucket in self.buckets.values():
            server.client.create_bucket(Bucket=bucket.name)
        for pattern in files:
            self._fill(self.folder.put, pattern)
        for pattern in objects:
            name, _, key = pattern.partition("/")
            self._fill(self.buckets[name].put, key)
        self._others = dict(others or {})
        for place, prefix in itertools.product(self._others.values(), OTHER_PREFIXES):
            self._fill(place.put, prefix + "{}.bin")

    @staticmethod
    def _fill(put: Callable[[str, bytes], str], pattern: str) -> None:
        for i in range(COUNT if "{}" in pattern else 1):
            put(pattern.format(i), sample(i))

    def place(self, text: str) -> str:
        """A text with the places of the guide turned into ours."""
        text = text.replace('"/local/', f'"{self.folder.path}/local/').replace("http://minio:9000", self._endpoint)
        text = re.sub(r"\b(file|direct):///", rf"\1://{self.folder.path}/", text)
        for beginning, other in self._others.items():
            text = text.replace(beginning, other.uri())
        return re.sub(r"\bs3://([\w-]+)/", lambda m: f"s3://{self.buckets[m[1]].name}/", text)

    def run(self, block: Block, **supplied: Any) -> dict[str, Any]:
        """Runs a block; returns its names."""
        names = {"__name__": "guide", "s3dlio": s3dlio, "process_item": process_item, "process": process, **supplied}
        exec(compile(self.place(block.code), block.name, "exec"), names)
        return names


async def process_item(item: Any) -> int:
    return number_of(item)


def process(dataset: s3dlio.PyDataset) -> bytes:
    return b"".join(bytes(view) for view in dataset)
