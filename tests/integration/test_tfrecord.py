"""Indexes of TFRecord files."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import pytest

import s3dlio
from s3dlio import tfrecord
from tests.support.servers import Bucket

# Two records, and the index of them, as the package tfrecord 1.14 on PyPI and its tfrecord2idx write them.
KNOWN = bytes.fromhex(
    "100000000000000095fbfe180a0e0a0c0a017812070a050a036162635f639c2d"
    "11000000000000009d6db52e0a0f0a0d0a016e12081a060a040102ac02933c9ac6"
)
KNOWN_INDEX = "0 32\n32 33\n"


def record(size: int) -> bytes:
    length = struct.pack("<Q", size)
    checksum = struct.pack("<I", tfrecord._masked(tfrecord._crc32c(length)))
    return length + checksum + random.Random(size).randbytes(size) + b"\x00" * 4


def records(sizes: list[int]) -> tuple[bytes, list[tuple[int, int]]]:
    made = [record(size) for size in sizes]
    ends = [sum(map(len, made[: i + 1])) for i in range(len(made))]
    return b"".join(made), [(end - len(each), len(each)) for end, each in zip(ends, made, strict=True)]


def test_index_of_what_another_program_has_written() -> None:
    assert s3dlio.index_tfrecord_bytes(KNOWN) == KNOWN_INDEX
    assert s3dlio.index_tfrecord_bytes(b"") == ""


@pytest.mark.parametrize("kind", [Path, str, "uri"])
def test_local_file(kind: Any, tmp_path: Path) -> None:
    path = tmp_path / "a b%20.tfrecord"
    path.write_bytes(KNOWN)
    place = f"file://{path}" if kind == "uri" else kind(path)
    assert s3dlio.create_tfrecord_index(place) == 2
    assert Path(f"{path}.idx").read_text() == KNOWN_INDEX
    other = tmp_path / "other"
    assert s3dlio.create_tfrecord_index(place, other) == 2
    assert s3dlio.read_tfrecord_index(other) == [(0, 32), (32, 33)]


def test_objects_of_all_sizes(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfrecord, "_CHUNK", 1000)  # windows end inside of headers, of records, and between them
    data, index = records([0, 1, 5000, *range(200), 3000, 984, 985, 988, 7, 100_000, 2])
    uri = bucket.put("train.tfrecord", data)
    assert s3dlio.create_tfrecord_index(uri) == len(index)
    assert s3dlio.read_tfrecord_index(f"{uri}.idx") == index
    offset, size = index[5]
    assert s3dlio.get_range(uri, offset, size) == record(2)


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        (b"not a TFRecord file", s3dlio.InvalidError, "wrong checksum of the length at byte 0"),
        (KNOWN[:-1], s3dlio.TruncatedError, "the record at byte 32 has 33 bytes, but 32 are left"),
        (KNOWN[:40], s3dlio.TruncatedError, "the record at byte 32 ends before its length does"),
        (KNOWN[:32] + b"\x12" + KNOWN[33:], s3dlio.InvalidError, "wrong checksum of the length at byte 32"),
    ],
)
def test_damaged_files(data: bytes, error: type[Exception], text: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.tfrecord"
    path.write_bytes(data)
    with pytest.raises(error, match=text) as caught:
        s3dlio.create_tfrecord_index(path)
    assert str(path) in str(caught.value)
    assert not Path(f"{path}.idx").exists()
    with pytest.raises(error, match=text):
        s3dlio.index_tfrecord_bytes(data)


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(s3dlio.NotFoundError, match=r"none\.tfrecord"):
        s3dlio.create_tfrecord_index(tmp_path / "none.tfrecord")
    with pytest.raises(s3dlio.InvalidError, match="bytes-like and contiguous, not str"):
        s3dlio.index_tfrecord_bytes("text")  # type: ignore[arg-type]
    with pytest.raises(s3dlio.InvalidError, match="a path must be a str"):
        s3dlio.read_tfrecord_index(3)  # type: ignore[arg-type]
    path = tmp_path / "index"
    path.write_text("0 32\n32 x\n")
    with pytest.raises(s3dlio.InvalidError, match="line 2 is '32 x'"):
        s3dlio.read_tfrecord_index(path)
