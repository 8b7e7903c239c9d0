"""torch.save and torch.load through S3Checkpoint: whole, or not there."""

from __future__ import annotations

import gc
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

import s3dlio
from s3dlio.compat.s3torchconnector import S3Checkpoint, S3Exception
from tests.support import programs
from tests.support.samples import Folder, Store
from tests.support.servers import Bucket

MIB = 1 << 20
WEIGHT = torch.arange(300_000.0).reshape(300, 1000)
STATE = {"weight": WEIGHT, "nested": {"list": [1, "a", None], "empty": torch.ones(0)}}


def checkpoint() -> S3Checkpoint:
    return S3Checkpoint("us-east-1")


def save(uri: str, state: object, **options: Any) -> None:
    with checkpoint().writer(uri) as writer:
        torch.save(state, writer, **options)  # type: ignore[arg-type]


def load(uri: str, **options: Any) -> Any:
    return torch.load(checkpoint().reader(uri), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("zipped", [True, False])
def test_what_is_saved_is_loaded(place: Store, zipped: bool) -> None:
    uri = place.uri("run/step=1 [final].pt")
    save(uri, torch.zeros(1 << 20))
    save(uri, STATE, _use_new_zipfile_serialization=zipped)  # in its place
    for options in ({"weights_only": True}, {"weights_only": False, "mmap": False}):
        loaded = load(uri, **options)
        assert torch.equal(loaded["weight"], WEIGHT)
        assert loaded["nested"]["list"] == [1, "a", None]
    assert load(uri, map_location="meta")["weight"].shape == WEIGHT.shape


@pytest.mark.parametrize("scheme", ["s3", "file"])
def test_a_large_state(scheme: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """200 MiB, by a checkpoint that has gone through a pickle."""
    place: Store = request.getfixturevalue("minio_bucket") if scheme == "s3" else Folder(tmp_path)
    state = {str(number): torch.arange(number, number + (10 << 20), dtype=torch.int32) for number in range(5)}
    copied = pickle.loads(pickle.dumps(checkpoint()))
    with copied.writer(place.uri("large.pt")) as writer:
        torch.save(state, writer)
    loaded = torch.load(copied.reader(place.uri("large.pt")), weights_only=True)
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_what_is_not_there(bucket: Bucket) -> None:
    """The first request is a GET: HEAD would not tell what is missing."""
    with pytest.raises(S3Exception, match=r"^Service error: The key does not exist$") as caught:
        load(bucket.uri("nothing"))
    assert isinstance(caught.value.__cause__, s3dlio.NotFoundError)
    with pytest.raises(S3Exception, match=r"^Service error: The bucket does not exist$"):
        load("s3://no-such-bucket-here/key")
    with pytest.raises(S3Exception, match=r"^Client error: Unknown response error: "):
        checkpoint().writer("s3://no-such-bucket-here/key")
    bucket.put("text", b"no checkpoint at all")
    with pytest.raises(pickle.UnpicklingError):
        load(bucket.uri("text"), weights_only=True)


def interrupt(_: object) -> None:
    raise KeyboardInterrupt


class Unwilling:
    """What cannot be pickled, behind 20 MiB that can."""

    def __init__(self) -> None:
        self.large = bytes(20 * MIB)

    def __reduce__(self) -> Any:
        return Unwilling, (self.large, lambda: None)


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_is_left_of_what_cannot_be_saved(bucket: Bucket, zipped: bool) -> None:
    bucket.put("key", b"old")
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        save(bucket.uri("key"), [torch.ones(5 * MIB), Unwilling()], _use_new_zipfile_serialization=zipped)
    with pytest.raises(KeyboardInterrupt), checkpoint().writer(bucket.uri("key")) as writer:
        interrupt(writer.write(bytes(20 * MIB)))
    assert bucket.get("key") == b"old"
    assert bucket.uploads() == []


def test_nothing_is_left_of_a_writer_that_is_dropped(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    writer = checkpoint().writer(bucket.uri("key"))
    writer.write(bytes(20 * MIB))
    del writer
    gc.collect()
    assert "was dropped before it was closed: nothing is stored" in caplog.text
    assert bucket.keys() == bucket.uploads() == []


def test_nothing_is_left_by_programs_that_end(minio_bucket: Bucket) -> None:
    """But by those that are killed: what the service has of their uploads nobody can abort."""
    minio_bucket.put("killed", b"old")
    programs.run("compat_checkpoints", minio_bucket.uri())
    assert minio_bucket.keys() == ["forked", "killed"]
    assert minio_bucket.get("forked") == bytes(20 * MIB) + b"end"
    assert minio_bucket.get("killed") == b"old"
    assert set(minio_bucket.uploads()) == {"killed", "killed_in_dcp/__0_0.distcp"}
    save(minio_bucket.uri("killed"), STATE)  # what is left does not disturb
    assert torch.equal(load(minio_bucket.uri("killed"))["weight"], WEIGHT)


def test_nothing_is_left_in_a_directory(tmp_path: Path) -> None:
    (tmp_path / "killed").write_bytes(b"old")
    programs.run("compat_checkpoints", f"file://{tmp_path}/")
    uris = [f"file://{tmp_path}/{name}" for name in ("forked", "killed")]
    assert sorted(s3dlio.list(f"file://{tmp_path}/", recursive=True)) == uris
    assert (tmp_path / "killed").read_bytes() == b"old"


def test_threads_may_close_at_the_same_time(minio_bucket: Bucket) -> None:
    writer = checkpoint().writer(minio_bucket.uri("key"))
    written = []

    def write() -> None:
        while True:
            written.append(writer.write(b"x" * MIB))

    def write_on() -> None:
        with pytest.raises(ValueError, match=r"^I/O operation on closed file\.$"):
            write()

    threads = [threading.Thread(target=write_on), *(threading.Thread(target=writer.close) for _ in range(5))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert minio_bucket.get("key") == b"x" * sum(written)
