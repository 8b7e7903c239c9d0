"""Patterns select what is listed: the same on every scheme, for globs and regular expressions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import s3dlio
from tests.support.servers import Bucket

KEYS = ["a.txt", "b.bin", "deep/a.txt", "deep/er/a.txt", "xa.txt"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.*", ["a.txt", "deep/a.txt", "deep/er/a.txt"]),
        ("deep/*.txt", ["deep/a.txt"]),
        ("**/a.txt", ["a.txt", "deep/a.txt", "deep/er/a.txt"]),
        ("?a.txt", ["xa.txt"]),
        ("*.{bin,npy}", ["b.bin"]),
        (re.compile("^a"), ["a.txt"]),
        (re.compile("^deep/[^/]*$"), ["deep/a.txt"]),
        (re.compile("er/"), ["deep/er/a.txt"]),
        (None, KEYS),
    ],
    ids=str,
)
def test_patterns(pattern: str | re.Pattern[str] | None, expected: list[str], bucket: Bucket, tmp_path: Path) -> None:
    for key in KEYS:
        bucket.put(f"train/{key}")
        (file := tmp_path / "train" / key).parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    for base in (bucket.uri("train/"), f"file://{tmp_path}/train/", f"direct://{tmp_path}/train/"):
        found = [base + key for key in expected]
        assert s3dlio.list(base, recursive=True, pattern=pattern) == found
        assert s3dlio.create_dataset(base, pattern=pattern).uris() == found
        assert [item.uri for item in s3dlio.create_async_loader(base, pattern=pattern).items()] == found
    directory = f"file://{tmp_path}/train"  # not written as a directory
    assert s3dlio.list(directory, recursive=True, pattern=pattern) == [f"{directory}/{key}" for key in expected]
