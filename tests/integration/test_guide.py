"""The guide is true: its code blocks run as they are written, against real servers.

Only places are changed: the root of local paths, and the names of buckets. What blocks leave undefined is supplied.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

import s3dlio
from s3dlio.options import Options
from tests.support.emulators import AzureServer, GoogleServer
from tests.support.guides import COUNT, GUIDES, Block, World, read_blocks
from tests.support.samples import Store, number_of, sample
from tests.support.servers import S3Server, Service

GUIDE = GUIDES / "enhanced-api-migration-guide.md"

BLOCKS = read_blocks(GUIDE.name)


@pytest.fixture(scope="module")
def world(
    minio: S3Server, azurite: AzureServer, fake_gcs: GoogleServer, tmp_path_factory: pytest.TempPathFactory
) -> World:
    others: dict[str, Store] = {"az://container/": azurite.new_bucket(), "gs://bucket/": fake_gcs.new_bucket()}
    return World(tmp_path_factory.mktemp("guide"), minio, others=others)


@pytest.fixture(autouse=True)
def _environment(
    minio: S3Server, azurite: AzureServer, fake_gcs: GoogleServer, use_server: Callable[[Service], None]
) -> None:
    for server in (minio, azurite, fake_gcs):
        use_server(server)


def test_every_block_is_found() -> None:
    assert len(BLOCKS) == GUIDE.read_text().count("```python") == 15


@pytest.mark.parametrize("name", BLOCKS)
def test_block_runs(world: World, name: str) -> None:
    names = world.run(BLOCKS[name])
    for value in names.values():
        if isinstance(value, s3dlio.PyDataset):
            assert len(value) == COUNT
        elif isinstance(value, dict) and value is not names["__builtins__"]:
            Options.parse(value)


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


def test_the_pipeline_stores_what_it_has_processed(world: World) -> None:
    places = [world.place("s3://bucket/output/"), world.place("file:///local/results/")]
    before = {uri for place in places for uri in s3dlio.list(place)}
    world.run(BLOCKS["Example 3: Multi-Backend Pipeline"])
    written = [uri for place in places for uri in s3dlio.list(place) if uri not in before]
    assert len(written) == len(places)
    for uri in written:
        assert bytes(s3dlio.get(uri)) == b"".join(sample(i) for i in range(COUNT))


def test_what_was_put_comes_back(world: World) -> None:
    names = world.run(BLOCKS["🔄 Backward Compatibility"])
    assert bytes(names["data"]) == world.buckets["bucket"].get("key")
    assert names["keys"] == [world.place(f"s3://bucket/prefix/{i}.bin") for i in range(COUNT)]
