"""Every command on every service that is not S3: the same commands, and nothing to configure but the environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from s3dlio import object_capabilities
from tests.support.command_line import run, run_json
from tests.support.samples import Remote
from tests.support.servers import Bucket

KEYS = ("data/a.npy", "data/b.npy", "data/a.txt", "data/deep/c.npy", "other")


@pytest.fixture(params=["azurite", "fake_gcs", "hdfs"])
def filled(request: pytest.FixtureRequest, place_of: Callable[[str], Remote]) -> Remote:
    """Objects in each service."""
    remote = place_of(request.param)
    for key in KEYS:
        remote.put(key, key.encode() * 100)
    return remote


def test_looking(filled: Remote) -> None:
    base, one = filled.uri("data/"), filled.uri("data/a.npy")
    assert run("ls", base).stdout.split() == [f"{base}{name}" for name in ("a.npy", "a.txt", "b.npy", "deep/")]
    assert [json.loads(line)["uri"] for line in run("ls", "-r", "--json", filled.uri()).stdout.splitlines()] == [
        filled.uri(key) for key in sorted(KEYS)
    ]
    assert run("ls", "-r", "--pattern", "*.txt", filled.uri()).stdout.split() == [f"{base}a.txt"]
    assert run("du", base).stdout.split() == ["4500", "4", "objects", base]
    assert "size: 1000" in run("stat", one).stdout
    assert run("cat", "--offset", "10", "--length", "5", one).stdout_bytes == b"data/"
    assert run_json("doctor", base)["healthy"]
    run("stat", filled.uri("nothing"), code=3)
    run("ls", filled.uri("nothing"), code=3)


def test_buckets_are_listed_where_there_are_any(filled: Remote) -> None:
    uri = filled.uri()
    service = uri.partition("://")[0] + "://"
    if object_capabilities(uri)["containers"]:
        assert uri in run("ls", service).stdout.split()
    else:
        run("ls", service, code=2)


def test_copying(filled: Remote, minio_bucket: Bucket, tmp_path: Path) -> None:
    """Up and down, within the service, and from it to another and back."""
    folder = tmp_path / "local"
    run("get", "-r", filled.uri("data/"), folder)
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.npy")) == ["a.npy", "b.npy", "deep/c.npy"]
    run("put", folder / "a.npy", filled.uri("up/"))
    run("cp", filled.uri("data/a.txt"), filled.uri("up/b.npy"))
    run("cp", "-r", filled.uri("data/"), minio_bucket.uri("away/"))
    assert minio_bucket.keys() == [f"away/{key.removeprefix('data/')}" for key in sorted(KEYS)[:4]]
    run("cp", "-r", "--pattern", "*.npy", minio_bucket.uri("away/"), filled.uri("back/"))
    assert filled.keys("back/") == ["back/a.npy", "back/b.npy", "back/deep/c.npy"]
    assert filled.get("back/deep/c.npy") == b"data/deep/c.npy" * 100
    assert (filled.get("up/a.npy"), filled.get("up/b.npy")) == (b"data/a.npy" * 100, b"data/a.txt" * 100)


def test_removing(filled: Remote) -> None:
    run("rm", filled.uri("other"))
    run("rm", "-r", "--yes", "--pattern", "*.npy", filled.uri("data/"))
    assert filled.keys() == ["data/a.txt"]
    run("rm", "-r", "--yes", filled.uri("data/"))
    assert filled.keys() == []


def test_measuring(filled: Remote) -> None:
    assert run_json("bench", filled.uri("data/"))["read"]["objects"] == 4
    run("bench", "--write", "--size", "64KiB", "--count", "5", filled.uri("scratch"))
    assert filled.keys("scratch/") == []
