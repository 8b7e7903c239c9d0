"""Bad input: each ends in an error that names the cause and says what to do, and nothing is lost or half there.

Programs act upon the classes and people upon the texts, so both are tested.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import s3dlio
from s3dlio import errors
from tests.support.servers import Bucket

LOCAL = ["file", "direct"]
MIB = 1 << 20


def test_unknown_scheme_names_the_known_ones() -> None:
    for call in (
        s3dlio.create_dataset,
        s3dlio.create_async_loader,
        s3dlio.get,
        s3dlio.list,
        s3dlio.stat,
        s3dlio.exists,
    ):
        with pytest.raises(errors.UnsupportedError, match="unsupported scheme") as caught:
            call("ftp://host/x")
        assert all(scheme in str(caught.value) for scheme in ("ftp", "s3", "file", "direct"))


@pytest.mark.parametrize("uri", ["", "nonsense", "://b/k", "s3://", "s3:///key", "file://relative/path", "file://"])
def test_malformed_uri(uri: str) -> None:
    for call in (s3dlio.create_dataset, s3dlio.get, s3dlio.list, s3dlio.stat):
        with pytest.raises(errors.InvalidError, match=r"malformed URI|empty URI"):
            call(uri)


def test_a_path_is_told_from_a_uri(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidError, match=f"file://{tmp_path}"):
        s3dlio.get(str(tmp_path))
    with pytest.raises(errors.InvalidError, match="file://"):
        s3dlio.get(tmp_path)  # type: ignore[arg-type]


def test_nothing_there_is_not_found(bucket: Bucket, tmp_path: Path) -> None:
    missing = [bucket.uri("no/such/key"), "s3://no-such-bucket-here/key"]
    missing += [f"{scheme}://{tmp_path}/no/such/file" for scheme in LOCAL]
    for uri in missing:
        with pytest.raises(FileNotFoundError, match="not found") as caught:
            s3dlio.get(uri)
        assert isinstance(caught.value, errors.NotFoundError)
        assert caught.value.uri == uri
        assert not s3dlio.exists(uri)
    (tmp_path / "empty").mkdir()
    empty = [bucket.uri("empty/prefix/"), bucket.uri(), *(f"{scheme}://{tmp_path}/empty" for scheme in LOCAL)]
    for uri in missing + empty:
        with pytest.raises(errors.NotFoundError, match="not found"):
            s3dlio.create_dataset(uri)
        with pytest.raises(errors.NotFoundError, match="not found"):
            list(s3dlio.create_async_loader(uri))


@pytest.mark.parametrize("scheme", LOCAL)
def test_a_directory_where_a_file_is_meant(scheme: str, tmp_path: Path) -> None:
    for call in (s3dlio.get, lambda uri: s3dlio.put(uri, b"x")):
        with pytest.raises(IsADirectoryError, match="directory"):
            call(f"{scheme}://{tmp_path}")


def test_a_bucket_where_an_object_is_meant(bucket: Bucket) -> None:
    for call in (s3dlio.get, s3dlio.delete, lambda uri: s3dlio.put(uri, b"x")):
        with pytest.raises(errors.InvalidError, match="names a bucket"):
            call(bucket.uri())


def refusals(uris: list[str]) -> list[str]:
    """What another user than root is told about these; run in a process of its own."""
    s3dlio.exists("file:///")  # loads the library while the process may still see its own descriptors
    if os.geteuid() == 0:
        os.setgroups([])
        os.setegid(65534)
        os.seteuid(65534)
    return [
        refusal(call, uri) for uri in uris for call in (s3dlio.get, s3dlio.create_dataset, s3dlio.create_async_loader)
    ]


def refusal(call: Callable[[str], Iterable[object]], uri: str) -> str:
    """What a call is told that is to be refused."""
    try:
        return f"{call.__name__} gave {list(call(uri))}"
    except PermissionError as error:
        return f"refused: {error}" if isinstance(error, errors.PermissionDeniedError) else repr(error)


@pytest.mark.parametrize("scheme", LOCAL)
def test_what_may_not_be_read_is_refused(scheme: str, tmp_path: Path) -> None:
    (closed := tmp_path / "closed").mkdir(mode=0o700)
    (closed / "secret").write_bytes(b"x")
    (closed / "secret").chmod(0o600)
    closed.chmod(0o000)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        told = pool.submit(refusals, [f"{scheme}://{closed}/secret"]).result(timeout=60)
    closed.chmod(0o700)
    assert len(told) == 3
    assert all(text.startswith("refused") and str(closed) in text and "permission" in text for text in told), told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"batchsize": 8}, "unknown option 'batchsize'.*'batch_size'"),
        ({"shufle": True}, "unknown option 'shufle'.*'shuffle'"),
        ({"batch_size": "8"}, "batch_size must be int"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"shuffle": 1}, "shuffle must be bool"),
        ({"part_size": -1}, "part_size must be at least 1"),
        ({"order": "random"}, "order.*ordered.*completion"),
        ({"shard_rank": 2, "shard_world_size": 2}, "shard_rank"),
        ({"pattern": "[a"}, "pattern"),
        ({"request_timeout": 0}, "request_timeout"),
        ({"endpoints": "http://h"}, "endpoints"),
        ({"batch_size": 1 << 63}, "batch_size must be at most"),
        ({"memory_budget": 1 << 70}, "memory_budget must be at most"),
    ],
)
def test_bad_option_is_named(options: dict[str, object], told: str, tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    for call in (s3dlio.create_dataset, s3dlio.create_async_loader):
        with pytest.raises(errors.InvalidError, match=told):
            call(f"file://{tmp_path}", options)
        with pytest.raises(errors.InvalidError, match=told):
            call(f"file://{tmp_path}", **options)


def test_a_batch_may_be_longer_than_all_there_is(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    loader = s3dlio.create_async_loader(f"file://{tmp_path}", batch_size=1 << 40, prefetch=1 << 40)
    assert [list(step) for step in loader] == [[b"x"]]


def test_numbers_too_large_for_the_library(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    uri, huge = f"file://{tmp_path}/x", 1 << 64
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: s3dlio.get_range(uri, huge), "offset must be at most"),
        (lambda: s3dlio.get_range(uri, 0, huge), "length must be at most"),
        (lambda: s3dlio.get_into(uri, bytearray(3), length=huge), "length must be at most"),
        (lambda: s3dlio.get_many([uri], huge), "max_in_flight must be at most"),
        (lambda: s3dlio.generate_data(huge), "size must be at most"),
        (lambda: s3dlio.generate_data(1, huge), "dedup must be at most"),
        (lambda: s3dlio.generate_npz_bytes((1 << 62,)), "size of x must be at most"),
    ]
    for call, told in calls:
        with pytest.raises(errors.InvalidError, match=told):
            call()


def test_lists_that_are_none() -> None:
    with pytest.raises(errors.InvalidError, match="uris must be a list, not None"):
        s3dlio.get_many(None)  # type: ignore[arg-type]
    for objects in ([5], [("mem://b/x",)], ["ab"]):
        with pytest.raises(errors.InvalidError, match="objects must be pairs"):
            s3dlio.put_many(objects)  # type: ignore[arg-type]


def test_bad_ranges(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "ten").write_bytes(b"0123456789")
    for uri in [bucket.put("ten", b"0123456789"), *(f"{scheme}://{tmp_path}/ten" for scheme in LOCAL)]:
        for offset, length in [(-1, 5), (0, -5), (-3, None)]:
            with pytest.raises(errors.InvalidError, match="negative"):
                s3dlio.get_range(uri, offset, length)
        for length in (None, 5):
            with pytest.raises(errors.OutOfRangeError, match="beyond the end"):
                s3dlio.get_range(uri, 11, length)
        assert s3dlio.get_range(uri, 8, 100) == b"89"  # cut at the end, as HTTP has it
        assert s3dlio.get_range(uri, 10) == b""
        assert s3dlio.get_range(uri, 3, 0) == b""
        assert s3dlio.get_range(uri, 2, 3) == b"234"


def on_small_disk(call: Callable[[], None]) -> str:
    """The error of a call in a process that may not write more than 1 MiB to a file."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))
    try:
        call()
    except errors.NoSpaceError as error:
        return str(error)
    return "no error"


class PutTooMuch:
    """Stores 3 MiB; picklable, to be called in another process."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def __call__(self) -> None:
        s3dlio.put(self.uri, bytes(3 * MIB))


@pytest.mark.parametrize("scheme", LOCAL)
def test_disk_full_leaves_nothing_and_keeps_the_old(scheme: str, tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    for name in ("old", "new"):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
            told = pool.submit(on_small_disk, PutTooMuch(f"{scheme}://{tmp_path}/{name}")).result(timeout=60)
        assert name in told, told
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"old": b"old"}


AWKWARD = [
    "with space",
    "ünïcödé/键/🔑",
    "100%/%2F%20",
    "a+b",
    "a#b",
    "a?b=c&d",
    ".hidden/..double/.npy",
    "quote'\"<&>",
    "star*[x]",
    "/".join(["k" * 120] * 8),
]


@pytest.mark.parametrize("key", AWKWARD, ids=lambda key: key[:12])
def test_awkward_keys(key: str, bucket: Bucket, tmp_path: Path) -> None:
    for base in (bucket.uri("x/"), *(f"{scheme}://{tmp_path}/{scheme}/" for scheme in LOCAL)):
        s3dlio.put(base + key, key.encode())
        s3dlio.put(base + key + ".empty", b"")
        assert s3dlio.get(base + key) == key.encode()
        assert s3dlio.get(base + key + ".empty") == b""
        assert s3dlio.stat(base + key)["size"] == len(key.encode())
        assert s3dlio.list(base, recursive=True) == [base + key, base + key + ".empty"]
        dataset = s3dlio.create_dataset(base)
        assert dataset.uris() == [base + key, base + key + ".empty"]
        assert [bytes(item) for item in dataset] == [key.encode(), b""]
        s3dlio.delete(base + key)
        assert not s3dlio.exists(base + key)
    assert bucket.keys() == [f"x/{key}.empty"]


def test_a_key_of_1024_bytes(bucket: Bucket) -> None:
    key = "/".join(["k" * 204] * 5)
    assert len(key) == 1024
    assert s3dlio.get(bucket.put(key, b"long")) == b"long"
    s3dlio.put(bucket.uri(key), b"longer")
    assert bucket.get(key) == b"longer"


def test_a_key_that_is_no_text(bucket: Bucket, tmp_path: Path) -> None:
    """File names are bytes; the keys of S3 are text, which servers tell with a complaint about the signature."""
    name = os.fsdecode(b"caf\xe9")
    source = tmp_path / name
    source.write_bytes(b"x")
    for call in (s3dlio.get, s3dlio.stat, s3dlio.delete, lambda uri: s3dlio.put(uri, b"x")):
        with pytest.raises(errors.InvalidError, match="is not UTF-8"):
            call(bucket.uri(name))
    assert s3dlio.get(f"file://{source}") == b"x"
    assert bucket.keys() == []
