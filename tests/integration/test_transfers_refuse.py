"""What `upload` and `download` refuse before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import s3dlio
from s3dlio.errors import (
    InvalidError,
    IsDirectoryError,
    NotDirectoryError,
    NotFoundError,
    UnsupportedError,
)
from tests.support.mem import MemBucket
from tests.support.samples import Folder
from tests.support.trees import below, files_in, folder_with

TREE = {"a.npz": b"a", "sub/b.npz": b"b", "sub/c.txt": b"c"}


@pytest.fixture
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the files of TREE."""
    return folder_with(tmp_path_factory.mktemp("tree"), TREE)


def test_upload_refuses(tree: Path, tmp_path: Path) -> None:
    place = MemBucket()
    bad: list[tuple[Any, Any, type[Exception], str]] = [
        (tree / "missing", place.uri(), NotFoundError, "missing: not found"),
        ([tree, tree / "*.nothing"], place.uri(), NotFoundError, r"\*\.nothing: not found"),
        (tree / "su*", place.uri(), NotFoundError, "A glob leaves directories out"),
        (tmp_path, place.uri(), NotFoundError, "no file lies there"),
        ("", place.uri(), InvalidError, "src_patterns must be a path"),
        ([b"x"], place.uri(), InvalidError, "src_patterns must be a path"),
        (b"x", place.uri(), InvalidError, "src_patterns must be a path or a list"),
        (7, place.uri(), InvalidError, "src_patterns must be a path or a list"),
        ("s3://b/k", place.uri(), InvalidError, "src_patterns must be a local path"),
        (tree / "*/../x", place.uri(), InvalidError, "goes up behind a wildcard"),
        (tree, "nowhere", InvalidError, "malformed URI"),
        (tree, "other://b", UnsupportedError, "unsupported scheme"),
        (tree, 7, InvalidError, "URI must be a str"),
        (tree, "mem://", InvalidError, "names no place"),
        (tree, "file://relative", InvalidError, "malformed URI"),
        (tree, "mem://no-such-bucket-at-all/", NotFoundError, "no-such-bucket"),
    ]
    for source, target, error, message in bad:
        with pytest.raises(error, match=message):
            s3dlio.upload(source, target)
    assert below(place) == {}


def test_names_that_collide(tmp_path: Path) -> None:
    place = MemBucket()
    one, two = Folder(tmp_path / "one"), Folder(tmp_path / "two")
    one.put("x", b"1")
    two.put("x", b"2")
    with pytest.raises(InvalidError, match=r"one/x and .*two/x would both be stored as mem://"):
        s3dlio.upload([one.path, two.path], place.uri())
    two.put("y/x", b"2")
    one.put("y", b"1")
    (two.path / "x").unlink()
    with pytest.raises(InvalidError, match="would be a file, and a directory"):
        s3dlio.upload([one.path, two.path], f"file://{tmp_path}/out")
    assert not (tmp_path / "out").exists()
    assert below(place) == {}
    s3dlio.upload([one.path, two.path], place.uri())  # which an object store can hold
    assert sorted(below(place)) == ["x", "y", "y/x"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["../x"], "cannot be a path"),
        (["ok", "a/../../x"], "cannot be a path"),
        (["ok", "/x"], "cannot be a path"),
        (["ok", "a//x"], "cannot be a path"),
        (["ok", "a/./x"], "cannot be a path"),
        (["ok", ".."], "cannot be a path"),
        (["ok", "a/"], "cannot be a path"),
        (["ok", "a", "a/b"], "would be a file, and a directory"),
        (["ok", "a", "a-b", "a/b/c"], "would be a file, and a directory"),
    ],
)
def test_keys_that_no_directory_can_hold(tmp_path: Path, keys: list[str], message: str) -> None:
    place = MemBucket()
    for key in keys:
        place.put(f"p/{key}", b"escaped")
    with pytest.raises(InvalidError, match=message):
        s3dlio.download(place.uri("p/"), tmp_path / "in/down")
    assert list(tmp_path.iterdir()) == []


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    place = MemBucket()
    outside, down = Folder(tmp_path / "outside"), tmp_path / "down"
    outside.put("kept", b"kept")
    down.mkdir()
    for key in ("a/kept", "kept"):
        place.put(key, b"escaped")
    (down / "a").symlink_to(outside.path)
    with pytest.raises(InvalidError, match=r"down/a: a symbolic link is there"):
        s3dlio.download(place.uri(), down)
    (down / "a").unlink()
    (down / "kept").symlink_to(outside.path / "kept")
    with pytest.raises(InvalidError, match=r"down/kept: a symbolic link is there"):
        s3dlio.download(place.uri(), down)
    assert files_in(outside.path) == {"kept": b"kept"}
    assert [path.name for path in down.iterdir()] == ["kept"]
    (tmp_path / "link").symlink_to(outside.path)
    s3dlio.download(place.uri(), tmp_path / "link")  # who names a link means it
    assert files_in(outside.path) == {"kept": b"escaped", "a/kept": b"escaped"}


def test_download_refuses(tmp_path: Path) -> None:
    place = MemBucket()
    place.put("d/f", b"x")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "taken/f").mkdir(parents=True)
    bad: list[tuple[Any, Any, type[Exception], str]] = [
        (place.uri("d/"), tmp_path / "file", NotDirectoryError, "a directory is to be there"),
        (place.uri("d/"), tmp_path / "file/below", NotDirectoryError, "above it is a file"),
        (place.uri("d/"), tmp_path / "taken", IsDirectoryError, "a file is to be there"),
        (place.uri("d/"), "", InvalidError, "dest_dir must be a path"),
        (place.uri("d/"), 3, InvalidError, "dest_dir must be a path"),
        (place.uri("d/"), "s3://b/k", InvalidError, "dest_dir must be a local path"),
        ("nowhere", tmp_path, InvalidError, "malformed URI"),
        ("other://b/k", tmp_path, UnsupportedError, "unsupported scheme"),
        (place.uri("missing/"), tmp_path, NotFoundError, "not found"),
    ]
    for source, target, error, message in bad:
        with pytest.raises(error, match=message):
            s3dlio.download(source, target)
