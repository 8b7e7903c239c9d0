"""Generated data, and what is stored of it."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import s3dlio
from s3dlio import _zip, generation
from s3dlio.errors import InvalidError, NotFoundError, UnsupportedError
from s3dlio.views import BytesView
from tests.support.mem import MemBucket, wait_until_idle
from tests.support.samples import Store
from tests.support.servers import S3Server

BLOCK = 64 << 10


def unique_blocks(data: BytesView, size: int = BLOCK) -> int:
    return len({bytes(data[at : at + size]) for at in range(0, len(data), size)})


# generate_data


@pytest.mark.parametrize(("dedup", "compress"), [(1, 1), (4, 1), (1, 4), (3, 2), (1000, 1)])
def test_ratios(dedup: int, compress: int) -> None:
    size = 48 * BLOCK + 17
    data = s3dlio.generate_data(size, dedup, compress)
    assert len(data) == size
    assert unique_blocks(data[: 48 * BLOCK]) == min(48, -(-49 // dedup))
    ratio = size / len(zlib.compress(data, 1))
    assert compress * 0.93 < ratio < compress * 1.07
    for piece in (data[:4096], data[BLOCK + 4096 : BLOCK + 5 * 4096]):  # each part of it, too
        assert compress * 0.8 < len(piece) / len(zlib.compress(piece)) < compress * 1.2


def test_seeds() -> None:
    first, again, other = (s3dlio.generate_data(100_001, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert s3dlio.generate_data(100, seed=-1) == s3dlio.generate_data(100, seed=2**64 - 1)
    assert s3dlio.generate_data(100) != s3dlio.generate_data(100)
    assert s3dlio.generate_data(50 << 20, seed=1)[: 1 << 20] == s3dlio.generate_data(50 << 20, seed=1)[: 1 << 20]


def test_generated_data_is_a_view() -> None:
    view = s3dlio.generate_data(10)
    assert isinstance(view, BytesView)
    assert np.frombuffer(memoryview(view), np.uint8).flags.writeable
    assert len(s3dlio.generate_data(0)) == 0
    place = MemBucket()
    s3dlio.put(place.uri("k"), view)
    assert s3dlio.get(place.uri("k")) == view


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1,), "size must not be negative, but is -1"),
        ((1.5,), "size must be an int, not 1.5"),
        (("1",), "size must be an int"),
        ((1, 0), "dedup must be at least 1, not 0"),
        ((1, 1, 0), "compress must be at least 1, not 0"),
        ((1, 1.5), "dedup must be an int"),
    ],
)
def test_generate_data_refuses(arguments: Any, message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        s3dlio.generate_data(*arguments)
    with pytest.raises(InvalidError, match="seed must be an int"):
        s3dlio.generate_data(1, seed="x")  # type: ignore[arg-type]


# Archives


@pytest.mark.parametrize(
    "dtype",
    ["|u1", "<f4", ">f4", "<f2", "<f8", ">f8", "|b1", "<i8", ">u2", "<c8", ">c16", "float32", "uint8", "int16", "bool"],
)
@pytest.mark.parametrize("shape", [[], [0], [3, 1, 5], [100_001]])
def test_numpy_reads_archives(dtype: str, shape: list[int]) -> None:
    view = s3dlio.generate_npz_bytes(shape=shape, dtype=dtype, num_samples=3)
    assert zipfile.ZipFile(io.BytesIO(view)).testzip() is None
    with np.load(io.BytesIO(view)) as arrays:
        assert list(arrays) == ["x", "y"]
        x, y = arrays["x"], arrays["y"]
    assert (x.shape, x.dtype) == (tuple(shape), np.dtype(dtype))
    assert (y.shape, y.dtype, y.any()) == ((3,), np.int64, False)
    if x.dtype.kind in "fc":
        assert np.isfinite(x).all()
        assert (abs(x.real) < 2).all()
    if x.size > 1000:
        assert len(np.unique(x)) > 1 + (x.dtype.kind != "b") * 100
    assert s3dlio.generate_npz_bytes(shape, np.dtype(dtype), seed=5) == s3dlio.generate_npz_bytes(shape, dtype, seed=5)


def test_archives_are_written_to_files_and_differ(tmp_path: Path) -> None:
    with (tmp_path / "a.npz").open("wb") as file:
        view = s3dlio.generate_npz_bytes([10, 10])
        file.write(view)
    assert np.load(tmp_path / "a.npz")["x"].dtype == np.float32
    assert view != s3dlio.generate_npz_bytes([10, 10])
    assert np.load(io.BytesIO(s3dlio.generate_npz_bytes((2,), np.uint8)))["x"].dtype == np.uint8
    assert np.load(io.BytesIO(s3dlio.generate_npz_bytes((2,), float)))["x"].dtype == np.float64


def test_archives_beyond_4_gib(tmp_path: Path) -> None:
    """Laid out in a sparse file: what lies between is never written."""
    sizes = {b"x.npy": 5 << 30, b"y.npy": 100}
    at = 0
    with (tmp_path / "sparse.zip").open("wb") as file:
        members = []
        for name, size in sizes.items():
            members.append(_zip.Member(name, size, at))
            file.seek(at)
            at += file.write(members[-1].header(zlib.crc32(bytes(100)))) + size
        file.seek(at)
        directory = file.write(b"".join(member.entry(zlib.crc32(bytes(100))) for member in members))
        file.write(_zip.end(2, directory, at))
    archive = zipfile.ZipFile(tmp_path / "sparse.zip")
    assert {info.filename.encode(): info.file_size for info in archive.infolist()} == sizes
    assert archive.read("y.npy") == bytes(100)
    with archive.open("x.npy") as large:
        assert large.read(10) == bytes(10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([3], "U5"), "dtype must be one of numbers"),
        (([3], "<f3"), "dtype must be one of numbers"),
        (([3], object), "dtype must be one of numbers"),
        (([3], None), "dtype must be one of numbers"),
        ((3,), "shape must be a list of ints"),
        (("33",), "shape must be a list of ints"),
        (([3, -1],), "shape must not be negative"),
        (([1.5],), "shape must be an int, not 1.5"),
        (([3], "|u1", 0), "num_samples must be at least 1"),
    ],
)
def test_generate_npz_bytes_refuses(arguments: Any, message: str) -> None:
    with pytest.raises(InvalidError, match=message):
        s3dlio.generate_npz_bytes(*arguments)


def archive_of(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def test_read_npz(place: Store) -> None:
    uri = place.put("a.npz", archive_of(first=np.arange(5), second=np.eye(2)))
    assert (s3dlio.read_npz(uri) == np.arange(5)).all()
    assert (s3dlio.read_npz(uri, "second") == np.eye(2)).all()
    generated = place.uri("g.npz")
    s3dlio.put_bytes(generated, s3dlio.generate_npz_bytes([4, 5], "|u1", 7))
    assert s3dlio.read_npz(generated).shape == (4, 5)
    assert s3dlio.read_npz(generated, array_name="y").shape == (7,)
    single = io.BytesIO()
    np.save(single, np.arange(3))
    assert (s3dlio.read_npz(place.put("a.npy", single.getvalue())) == np.arange(3)).all()
    wait_until_idle()


def test_read_npz_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    place = MemBucket()
    uri = place.put("a.npz", archive_of(first=np.arange(5)))
    with pytest.raises(InvalidError, match=r"read_npz mem://.*a\.npz: there is no array 'x', only \['first'\]"):
        s3dlio.read_npz(uri, "x")
    damaged = bytearray(s3dlio.get(uri))
    damaged[60:70] = b"0123456789"
    encrypted, strange = bytearray(s3dlio.get(uri)), bytearray(s3dlio.get(uri))
    encrypted[encrypted.rindex(b"PK\1\2") + 8] |= 1
    strange[strange.rindex(b"PK\1\2") + 10] = 99  # a compression that nobody has
    single = io.BytesIO()
    np.save(single, np.arange(3))
    broken = [
        single.getvalue().replace(b"}", b" ", 1),
        bytes(encrypted),
        bytes(strange),
        b"",
        b"no archive",
        b"PK\3\4",
        bytes(damaged),
        archive_of(o=np.array([{}], dtype=object)),
    ]
    for number, content in enumerate(broken):
        with pytest.raises(InvalidError, match=rf"{number}\.npz: it is no archive of plain numpy arrays"):
            s3dlio.read_npz(place.put(f"{number}.npz", content))
    with pytest.raises(InvalidError, match="there is no array None"):
        s3dlio.read_npz(place.put("empty.npz", archive_of()))
    with pytest.raises(NotFoundError):
        s3dlio.read_npz(place.uri("missing"))
    with pytest.raises(InvalidError, match="option 'array' is not known"):
        s3dlio.read_npz(uri, array="x")  # type: ignore[call-arg]
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ImportError, match=r"pip install 's3dlio\[numpy\]'"):
        s3dlio.read_npz(uri)


def test_a_zip_is_what_the_format_says() -> None:
    """The signatures of the records, where a reader that streams looks for them."""
    member = _zip.Member(b"x", 3, 7)
    assert struct.unpack_from("<I", member.header(1))[0] == 0x04034B50
    assert struct.unpack_from("<I", member.entry(1))[0] == 0x02014B50
    assert struct.unpack_from("<I", _zip.end(1, 2, 3))[0] == 0x06054B50


# put with a number


def test_put_generates_objects(place: Store) -> None:
    uris = s3dlio.put(place.uri("p"), 5, size=1000)
    assert uris == [place.uri(f"p/object-{i}") for i in range(5)]
    contents = {bytes(data) for _, data in s3dlio.get_many(uris)}
    assert {len(content) for content in contents} == {1000}
    assert len(contents) == 5
    uris = s3dlio.put(prefix=place.uri("q/"), num=2, template="part_{}_of_{}.dat", size=0, max_in_flight=1)
    assert uris == [place.uri("q/part_0_of_2.dat"), place.uri("q/part_1_of_2.dat")]
    assert s3dlio.put(place.uri("r/"), np.int64(1), "alone", size=3) == [place.uri("r/alone")]
    assert s3dlio.put(place.uri("r/"), 0) == []
    wait_until_idle()


def test_kinds_of_generated_objects() -> None:
    place = MemBucket()
    (zeros,) = s3dlio.put(place.uri(), 1, size=100, object_type="zeros")
    assert s3dlio.get(zeros) == bytes(100)
    (archive,) = s3dlio.put(place.uri(), 1, size=100, object_type="npz")
    assert s3dlio.read_npz(archive).shape == (100,)
    (repeated,) = s3dlio.put(place.uri(), 1, size=4 * BLOCK, dedup_factor=4, compress_factor=2)
    assert unique_blocks(s3dlio.get(repeated)) == 1
    assert len(zlib.compress(s3dlio.get(repeated), 1)) < 2.2 * BLOCK
    (default,) = s3dlio.put(place.uri(), 1)
    assert s3dlio.stat(default)["size"] == 20 << 20


def test_generated_objects_are_made_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "BUDGET", 3000)
    place = MemBucket()
    uris = s3dlio.put(place.uri(), 20, size=1000)
    assert len({bytes(data) for _, data in s3dlio.get_many(uris)}) == 20


def test_a_bucket_for_generated_objects(minio: S3Server, use_server: Any) -> None:
    use_server(minio)
    name = f"s3://{minio.new_bucket().name}-more/p"
    with pytest.raises(NotFoundError):
        s3dlio.put(name, 1, size=1)
    for _ in range(2):
        assert s3dlio.put(name, 1, size=1, should_create_bucket=True) == [f"{name}/object-0"]


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((-1,), {}, InvalidError, "num must not be negative"),
        ((True,), {}, InvalidError, "bytes-like object, not bool"),
        ((), {"num": "3"}, InvalidError, "num must be an int"),
        ((2, "same"), {}, InvalidError, r"template 'same' needs a \{\}"),
        ((2, ""), {}, InvalidError, "template must be a str"),
        ((2,), {"size": -1}, InvalidError, "size must not be negative"),
        ((2,), {"size": 1.5}, InvalidError, "size must be an int"),
        ((2,), {"max_in_flight": 0}, InvalidError, "max_in_flight must be at least 1"),
        ((2,), {"dedup_factor": 0}, InvalidError, "dedup_factor must be at least 1"),
        ((2,), {"compress_factor": 0}, InvalidError, "compress_factor must be at least 1"),
        ((2,), {"object_type": "hdf5"}, InvalidError, "object_type must be one of random, zeros, npz, not 'hdf5'"),
        ((2,), {"chunk_size": 1}, InvalidError, "option 'chunk_size' is not known"),
    ],
)
def test_put_refuses(arguments: Any, keywords: Any, error: type[Exception], message: str) -> None:
    place = MemBucket()
    with pytest.raises(error, match=message):
        s3dlio.put(place.uri(), *arguments, **keywords)
    with pytest.raises(UnsupportedError):
        s3dlio.put("gopher://b/", 1)
    assert s3dlio.list(place.uri()) == []
