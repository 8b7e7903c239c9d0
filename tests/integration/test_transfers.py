"""Directories up and down, from and to every kind of store."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import s3dlio
from s3dlio._copies import copy_objects
from s3dlio._native import Client, memory_stats
from s3dlio.errors import (
    ChangedError,
    InvalidError,
    NotFoundError,
    S3DlioError,
)
from s3dlio.listing import Listing
from s3dlio.options import Options
from tests.support.faults import FaultProxy
from tests.support.mem import MemBucket, wait_until_idle
from tests.support.samples import Folder, Store, is_local
from tests.support.servers import Bucket, S3Server
from tests.support.trees import below, files_in, folder_with

TREE = {"a.npz": b"a" * 10, "sub/b.npz": b"bb" * 3000, "sub/deep/ünï cödé": b"", "sub/c.txt": os.urandom(9 << 20)}


@pytest.fixture
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the files of TREE."""
    return folder_with(tmp_path_factory.mktemp("tree"), TREE)


# Round trips


@pytest.mark.parametrize("end", ["", "/"])
def test_a_directory_goes_up_and_comes_down(place: Store, tree: Path, tmp_path: Path, end: str) -> None:
    stored = s3dlio.upload(str(tree) + end, place.uri("x/y") + end, part_size=1 << 20)
    assert sorted(stored) == sorted(place.uri(f"x/y/{key}") for key in TREE)
    assert below(place, "x/y/") == TREE
    paths = s3dlio.download(place.uri("x/y") + end, tmp_path / "down", part_size=1 << 20)
    assert files_in(tmp_path / "down") == TREE
    assert sorted(paths) == sorted(str(tmp_path / "down" / key) for key in TREE)
    wait_until_idle()


def test_between_all_local_schemes(tree: Path, tmp_path: Path) -> None:
    s3dlio.upload(f"direct://{tree}", f"direct://{tmp_path}/up")
    s3dlio.download(f"direct://{tmp_path}/up/", f"direct://{tmp_path}/down")
    assert files_in(tmp_path / "up") == files_in(tmp_path / "down") == TREE


@pytest.mark.parametrize(
    ("patterns", "keys"),
    [
        (["sub/c.txt"], ["c.txt"]),
        (["a.npz", "sub/b.npz"], ["a.npz", "b.npz"]),
        (["*.npz"], ["a.npz"]),
        (["*"], ["a.npz"]),
        (["**"], list(TREE)),
        (["**/*.npz"], ["a.npz", "sub/b.npz"]),
        (["sub/*.npz", "sub/c.*"], ["b.npz", "c.txt"]),
        (["su?/[bc].*"], ["sub/b.npz", "sub/c.txt"]),
        (["sub/../*.npz"], ["a.npz"]),
        ([".", "**", "*.npz", "sub/../a.npz"], list(TREE)),
        (["sub", "sub/deep"], ["b.npz", "c.txt", "deep/ünï cödé", "ünï cödé"]),
    ],
)
def test_keys_are_the_paths_below_the_base(
    tree: Path, patterns: list[str], keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = MemBucket()
    monkeypatch.chdir(tree)
    s3dlio.upload(patterns, place.uri())
    assert sorted(below(place)) == sorted(keys)
    absolute = MemBucket()
    s3dlio.upload([tree / pattern for pattern in patterns], absolute.uri().rstrip("/"))
    assert below(absolute) == below(place)


def test_names_that_look_like_globs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path / "[x]")
    folder.put("a[1].txt", b"brackets")
    folder.put("a1.txt", b"one")
    place = MemBucket()
    monkeypatch.chdir(folder.path)
    s3dlio.upload("a[1].txt", place.uri("named"))
    s3dlio.upload("a[12].txt", place.uri("matched"))
    s3dlio.upload(".", place.uri("all"))
    assert below(place) == {
        "named/a[1].txt": b"brackets",
        "matched/a1.txt": b"one",
        "all/a[1].txt": b"brackets",
        "all/a1.txt": b"one",
    }


def test_names_that_are_no_unicode(tmp_path: Path) -> None:
    name = os.fsdecode(b"latin-\xe9")
    Folder(tmp_path / "in").put(name, b"x")
    s3dlio.upload(tmp_path / "in", f"file://{tmp_path}/out")
    assert (tmp_path / "out" / name).read_bytes() == b"x"


def test_what_a_uri_stands_for_comes_down(place: Store, tmp_path: Path) -> None:
    for key in ("data/one", "data/sub/two", "database", "other/one"):
        place.put(key, key.encode())

    def down(key: str, *args: Any) -> dict[str, bytes]:
        folder = tmp_path / f"down{len(list(tmp_path.iterdir()))}"
        s3dlio.download(place.uri(key), folder, *args)
        return files_in(folder)

    assert down("data/one") == {"one": b"data/one"}
    assert down("data") == down("data/") == {"one": b"data/one", "sub/two": b"data/sub/two"}
    assert down("data", 4, False) == {"one": b"data/one"}
    if not is_local(place):
        assert down("databa") == {"database": b"database"}
        assert set(down("")) == {"data/one", "data/sub/two", "database", "other/one"}
    with pytest.raises(NotFoundError, match="not found"):
        down("missing")


def test_markers_of_directories_are_left_out(minio_bucket: Bucket, tmp_path: Path) -> None:
    for key in ("d/", "d/sub/", "d/sub/x"):
        minio_bucket.put(key)
    s3dlio.download(minio_bucket.uri("d/"), tmp_path)
    assert list(files_in(tmp_path)) == ["sub/x"]


def test_what_is_there_is_replaced(place: Store, tree: Path, tmp_path: Path) -> None:
    for round_number in range(2):
        (tree / "a.npz").write_bytes(b"%d" % round_number)
        s3dlio.upload(tree, place.uri("t"))
        s3dlio.download(place.uri("t/"), tmp_path / "down")
        assert (tmp_path / "down/a.npz").read_bytes() == b"%d" % round_number


def test_content_type_and_metadata_go_along(bucket: Bucket) -> None:
    for key, size in (("small", 10), ("large", 12 << 20)):
        bucket.server.client.put_object(
            Bucket=bucket.name, Key=key, Body=b"x" * size, ContentType="image/x-test", Metadata={"step": "7"}
        )
    for place in (bucket.server.new_bucket(), MemBucket()):
        sources = Listing.from_uris([bucket.uri("small"), bucket.uri("large")])
        targets = [place.uri("a"), place.uri("b")]
        assert copy_objects(Client.get(), sources, targets, Options(), max_in_flight=4) == [10, 12 << 20]
        for target in targets:
            found = s3dlio.stat(target)
            assert (found["content_type"], found["metadata"]) == ("image/x-test", {"step": "7"})


def test_create_bucket(minio: S3Server, use_server: Callable[[S3Server], None], tree: Path, tmp_path: Path) -> None:
    use_server(minio)
    name = minio.new_bucket().name + "-more"
    with pytest.raises(NotFoundError):
        s3dlio.upload(tree, f"s3://{name}/x")
    for _ in range(2):
        s3dlio.upload(tree, f"s3://{name}/x", create_bucket=True)
    assert len(s3dlio.list(f"s3://{name}/", recursive=True)) == len(TREE)
    s3dlio.upload(tree, f"file://{tmp_path}/new", create_bucket=True)
    assert files_in(tmp_path / "new") == TREE


def test_options_of_the_client(minio: S3Server, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = minio.new_bucket()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", minio.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", minio.secret_key)
    s3dlio.upload(tree, bucket.uri(), endpoint_url=minio.endpoint, region=minio.region)
    s3dlio.download(bucket.uri(), tmp_path, endpoint_url=minio.endpoint)
    assert files_in(tmp_path) == TREE
    calls: list[Callable[..., object]] = [s3dlio.upload, s3dlio.download]
    for call in calls:
        with pytest.raises(InvalidError, match=r"option 'part_sise' is not known\. Did you mean 'part_size'"):
            call(bucket.uri(), bucket.uri(), part_sise=1)
        with pytest.raises(InvalidError, match="option 'shuffle' has no effect on this function"):
            call(bucket.uri(), bucket.uri(), shuffle=True)
        with pytest.raises(InvalidError, match="max_in_flight must be at least 1"):
            call(bucket.uri(), bucket.uri(), 0)


# Progress and memory


def test_progress(tree: Path) -> None:
    place = MemBucket()
    seen: list[tuple[int, ...]] = []
    s3dlio.upload(tree, place.uri(), progress=lambda *numbers: seen.append(numbers))
    total = sum(map(len, TREE.values()))
    assert seen[0] == (0, len(TREE), 0)
    assert seen[-1] == (len(TREE), len(TREE), total)
    assert seen == sorted(seen)


def test_progress_within_an_object(
    minio: S3Server, fault_proxy: Callable[[S3Server], FaultProxy], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket, proxy = minio.new_bucket(), fault_proxy(minio)
    seen: list[tuple[int, ...]] = []
    for name, value in (minio.environment | {"AWS_ENDPOINT_URL": proxy.endpoint}).items():
        monkeypatch.setenv(name, value)
    proxy.add("bandwidth", rate=10_000)
    uri = bucket.put("k", b"x" * (6 << 20))
    s3dlio.download(uri, tmp_path, 1, part_size=1 << 20, progress=lambda *numbers: seen.append(numbers))
    assert any(0 < moved < 6 << 20 and done == 0 for done, _, moved in seen)


def test_an_error_in_the_callback_stops_everything(tree: Path) -> None:
    place = MemBucket()
    with pytest.raises(ZeroDivisionError):
        s3dlio.upload(tree, place.uri(), progress=lambda done, total, moved: 1 // 0)
    wait_until_idle()


def test_memory_is_bounded(minio: S3Server, use_server: Callable[[S3Server], None], tmp_path: Path) -> None:
    """256 MiB with a budget of 8 MiB: what the library has mapped stays near the budget."""
    use_server(minio)
    bucket, size = minio.new_bucket(), 256 << 20
    with (tmp_path / "large").open("wb") as file:
        file.truncate(size)
    most = 0

    def watch(*_: int) -> None:
        nonlocal most
        most = max(most, memory_stats()["buffers"]["in_use"])

    s3dlio.upload(tmp_path / "large", bucket.uri(), memory_budget=8 << 20, part_size=5 << 20, progress=watch)
    s3dlio.download(bucket.uri(), tmp_path / "down", memory_budget=8 << 20, part_size=1 << 20, progress=watch)
    assert 0 < most <= 16 << 20
    assert (tmp_path / "down/large").stat().st_size == size


# Nothing is lost


def test_a_file_that_changes_is_an_error(minio_bucket: Bucket, tmp_path: Path) -> None:
    """It is written to while it is read; what is stored is what was there before, and no upload is left over."""
    path = tmp_path / "growing"
    path.write_bytes(b"x" * (64 << 20))
    minio_bucket.put("growing", b"before")
    stop = threading.Event()

    def write() -> None:
        with path.open("r+b") as file:
            while not stop.is_set():
                file.seek(60 << 20)
                file.write(os.urandom(1000))
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(ChangedError) as failure:
            s3dlio.upload(path, minio_bucket.uri(), max_in_flight=1)
    finally:
        stop.set()
        writer.join()
    assert failure.value.uri == f"file://{path}"
    assert minio_bucket.get("growing") == b"before"
    assert minio_bucket.uploads() == []


def test_a_failure_leaves_nothing_half_done(
    minio: S3Server, fault_proxy: Callable[[S3Server], FaultProxy], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket, proxy = minio.new_bucket(), fault_proxy(minio)
    for name, value in (minio.environment | {"AWS_ENDPOINT_URL": proxy.endpoint}).items():
        monkeypatch.setenv(name, value)
    uri = bucket.put("k", b"x" * (20 << 20))
    toxic = proxy.add("limit_data", bytes=3 << 20)
    with pytest.raises(S3DlioError, match=re.escape(uri)):
        s3dlio.download(uri, tmp_path / "down", retry_timeout=0)
    assert not (tmp_path / "down").exists()
    proxy.remove(toxic)
    s3dlio.download(uri, tmp_path / "down")
    assert (tmp_path / "down/k").stat().st_size == 20 << 20
