"""The guide for programs of s3torchconnector is true: its blocks run as they are written, against a real server.

What it shows of s3torchconnector runs on the drop-in, through the redirect. Only places are changed, and what a block
leaves undefined is supplied.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from s3dlio.compat.redirect import install
from s3dlio.compat.s3torchconnector import S3IterableDataset, S3MapDataset
from tests.support.emulators import ACCOUNT, ACCOUNT_KEY, AzureServer, GoogleServer
from tests.support.guides import COUNT, GUIDES, Block, World, read_blocks
from tests.support.samples import Store, number_of
from tests.support.servers import S3Server, Service

pytestmark = [
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),  # more workers than processors
    pytest.mark.filterwarnings("ignore:torch.distributed is"),  # one process saves a distributed checkpoint
    pytest.mark.filterwarnings("ignore:`isinstance\\(treespec"),  # Lightning
    pytest.mark.filterwarnings("ignore:The .* does not have many workers"),
]
GUIDE = GUIDES / "migrating-from-s3torchconnector.md"
FILES = ["data/train/{}.bin"]
OBJECTS = ["my-bucket/train/{}.bin", "bucket/prefix/{}.bin", "bucket/data/{}.bin"]
EXAMPLES = ["Original Code (s3torchconnector)", "Migrated Code (s3dlio)"]

BLOCKS = read_blocks(GUIDE.name)


@pytest.fixture(scope="module")
def world(
    minio: S3Server, azurite: AzureServer, fake_gcs: GoogleServer, tmp_path_factory: pytest.TempPathFactory
) -> World:
    others: dict[str, Store] = {"az://container/": azurite.new_bucket(), "gs://bucket/": fake_gcs.new_bucket()}
    return World(tmp_path_factory.mktemp("guide"), minio, FILES, OBJECTS, others)


@pytest.fixture(autouse=True)
def _redirected(
    minio: S3Server,
    azurite: AzureServer,
    fake_gcs: GoogleServer,
    use_server: Callable[[Service], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Imports of s3torchconnector are redirected in this process; the environment is put back, which blocks change.

    It says where the servers are. The account of Azure and its key are set by the guide.
    """
    before = dict(os.environ)
    use_server(minio)
    use_server(fake_gcs)
    monkeypatch.setenv("AZURE_STORAGE_BLOB_ENDPOINT", azurite.endpoint)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path.copy())
    install()
    yield
    for name in [
        name for name in sys.modules if name.partition(".")[0] in ("s3torchconnector", "s3torchconnectorclient")
    ]:
        del sys.modules[name]
    os.environ.clear()
    os.environ.update(before)


def run(world: World, name: str) -> dict[str, Any]:
    code = BLOCKS[name].code.replace("from_prefix(...)", 'from_prefix("s3://bucket/prefix/")')
    code = code.replace('"myaccount"', repr(ACCOUNT)).replace('_KEY"] = "key"', f'_KEY"] = {ACCOUNT_KEY!r}')
    return world.run(Block(name, code), S3IterableDataset=S3IterableDataset, model=torch.nn.Linear(2, 2))


def test_every_block_is_found() -> None:
    assert len(BLOCKS) == GUIDE.read_text().count("```python") == 17
    assert set(EXAMPLES) <= set(BLOCKS)


@pytest.mark.parametrize("name", BLOCKS)
def test_block_runs(world: World, name: str) -> None:
    for value in run(world, name).values():
        if isinstance(value, S3IterableDataset):
            assert len(list(value)) == COUNT
        elif isinstance(value, S3MapDataset):
            assert len(value) == COUNT


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_sees_every_object_and_loads_what_it_saved(world: World, name: str) -> None:
    code = BLOCKS[name].code.replace("# ... process data ...", "seen.append((bucket, key, data))")
    assert "seen.append" in code
    model, seen = torch.nn.Linear(2, 2), list[tuple[str, str, bytes]]()
    names = world.run(Block(name, code), model=model, seen=seen)
    bucket = world.buckets["my-bucket"].name
    assert sorted((place, key, number_of(data)) for place, key, data in seen) == [
        (bucket, f"train/{i}.bin", i) for i in range(COUNT)
    ]
    assert torch.equal(names["state_dict"]["weight"], model.state_dict()["weight"])


def test_the_comparison_prints_a_line_for_each(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    run(world, "Performance Comparison")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        f"{name}: {COUNT} objects" for name in ("s3torchconnector", "s3dlio")
    ]
