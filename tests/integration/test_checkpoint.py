"""Checkpoints on every scheme: whole or not there, checked, and never mixed up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import s3dlio
from s3dlio import PyCheckpointStore
from s3dlio.checkpoint import manifests
from s3dlio.errors import CorruptedError, InvalidError, NotFoundError, S3DlioError
from tests.support.checksums import crc32c
from tests.support.samples import Store
from tests.support.servers import Bucket

DATA = bytes(range(256)) * 100


@pytest.fixture(params=["file", "direct", "mem", "minio", "azurite", "fake_gcs", "hdfs"])
def uri(request: pytest.FixtureRequest, place_of: Callable[[str], Store]) -> str:
    """Where there are no checkpoints yet."""
    return place_of(request.param).uri("run/checkpoints" + "/" * (request.param in ("file", "direct")))


@pytest.fixture
def local(tmp_path: Path) -> str:
    return f"file://{tmp_path}/run"


def latest(uri: str) -> bytes | None:
    view = PyCheckpointStore(uri).load_latest()
    return None if view is None else bytes(view)


def steps(uri: str) -> list[int]:
    return [info.step for info in PyCheckpointStore(uri).list_checkpoints()]


def test_what_is_saved_is_loaded(uri: str) -> None:
    store = PyCheckpointStore(uri)
    assert store.load_latest() is None
    assert store.list_checkpoints() == []
    meta = {"loss": [0.5, float("inf")], "name": "ü", "nested": {"a": None}}
    key = store.save(1200, 3, "torch", DATA, meta)
    assert s3dlio.exists(f"{uri.rstrip('/')}/{key}")
    assert store.load_latest() == DATA
    (info,) = PyCheckpointStore(uri).list_checkpoints()
    assert (info.step, info.epoch, info.framework, info.world_size) == (1200, 3, "torch", 1)
    assert (info.total_size, info.user_meta, info.is_complete, info.is_single_rank) == (len(DATA), meta, True, True)
    manifest = store.reader().load_latest_manifest()
    assert manifest is not None
    assert manifest == store.reader().load_manifest(1200)
    assert (manifest["user_meta"], manifest["status"]) == (meta, "complete")
    assert manifest["wall_time"] == info.timestamp
    (shard,) = manifest["shards"]
    assert (shard["rank"], shard["size"], shard["checksum"]) == (0, len(DATA), f"crc32c:{crc32c(DATA):08x}")
    assert shard["etag"] == s3dlio.stat(f"{uri.rstrip('/')}/{shard['key']}")["etag"]


def test_the_functions(uri: str) -> None:
    assert s3dlio.load_checkpoint(uri) is None
    s3dlio.save_checkpoint(uri, 1, 0, "jax", DATA, {"a": 1})
    assert s3dlio.load_checkpoint(uri) == s3dlio.load_checkpoint_with_validation(uri) == DATA
    metas = [s3dlio.save_distributed_shard(uri, 2, 0, "jax", DATA[:rank], 3, rank) for rank in range(3)]
    metas = json.loads(json.dumps(metas))  # as they are sent between processes
    assert latest(uri) == DATA
    s3dlio.finalize_distributed_checkpoint(uri, 2, 0, "jax", reversed(metas), 3, 0, "meta")
    assert steps(uri) == [1, 2]
    reader = PyCheckpointStore(uri).reader()
    manifest = reader.load_latest_manifest()
    assert manifest is not None
    assert [bytes(reader.read_shard_by_rank(manifest, rank)) for rank in range(3)] == [b"", DATA[:1], DATA[:2]]
    assert [bytes(view) for view in reader.read_all_shards(manifest)] == [b"", DATA[:1], DATA[:2]]
    with pytest.raises(InvalidError, match="step 2 has 3 shards"):
        s3dlio.load_checkpoint(uri)
    with pytest.raises(InvalidError, match="has no rank 3, but 3 from 0 on"):
        reader.read_shard_by_rank(manifest, 3)


def test_the_latest_is_the_one_completed_last(uri: str) -> None:
    store = PyCheckpointStore(uri)
    for step in (10, 30, 20):  # training went back to step 10
        store.save(step, 0, "torch", b"%d" % step)
    assert latest(uri) == b"20"
    assert steps(uri) == [10, 20, 30]


def test_clocks_that_go_back_do_not_bring_an_older_one_back(local: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls(2001, 1, 1, tzinfo=tz)

    PyCheckpointStore(local).save(1, 0, "torch", b"first")
    monkeypatch.setattr(manifests, "datetime", Clock)
    for step in (2, 3):
        PyCheckpointStore(local).save(step, 0, "torch", b"%d" % step)
        assert latest(local) == b"%d" % step


def test_deletion(uri: str) -> None:
    store = PyCheckpointStore(uri)
    for step in (1, 2, 3):
        store.save(step, 0, "torch", b"%d" % step)
    store.writer(2, 0).save_distributed_shard(3, 0, "torch", b"of no checkpoint")
    assert store.delete_checkpoint(3)
    assert latest(uri) == b"2"
    assert not store.delete_checkpoint(3)
    assert store.delete_checkpoint(1)
    assert steps(uri) == [2]
    with pytest.raises(NotFoundError, match="no checkpoint of step 3"):
        store.reader().load_manifest(3)
    left = [name for name in s3dlio.list(uri.rstrip("/") + "/", recursive=True) if not name.endswith("/")]
    assert len(left) == 2  # a manifest and a shard
    assert store.delete_checkpoint(2)
    assert store.load_latest() is None


@pytest.mark.parametrize("strategy", ["flat", "round_robin", "binary"])
def test_strategies(minio_bucket: Bucket, strategy: Any) -> None:
    uri = minio_bucket.uri("run")
    store = PyCheckpointStore(uri, strategy, multipart_threshold=5 << 20)
    data = os.urandom(6 << 20)
    writers = [store.writer(20, rank) for rank in range(20)]
    metas = [
        writer.save_distributed_shard(7, 0, "torch", data if rank == 3 else b"%d" % rank)
        for rank, writer in enumerate(writers)
    ]
    writers[0].finalize_distributed_checkpoint(7, 0, "torch", metas)
    reader = PyCheckpointStore(uri).reader()  # which need not know
    found = reader.read_all_shards(reader.load_manifest(7))
    assert [bytes(view) for view in found] == [data if rank == 3 else b"%d" % rank for rank in range(20)]
    big = metas[3]["key"]
    assert minio_bucket.server.client.head_object(Bucket=minio_bucket.name, Key=f"run/{big}")["ETag"].endswith('-2"')
    assert len({meta["key"].split("/")[1] for meta in metas}) == (1 if strategy == "flat" else 16)
    assert PyCheckpointStore(uri, strategy).delete_checkpoint(7)
    assert minio_bucket.keys() == []


def test_saving_a_step_again_replaces_it(uri: str) -> None:
    store = PyCheckpointStore(uri)
    store.save(1, 0, "torch", b"old")
    old = store.reader().load_latest_manifest()
    assert old is not None
    store.save(1, 1, "torch", b"new")
    assert latest(uri) == b"new"
    assert [info.epoch for info in store.list_checkpoints()] == [1]
    with pytest.raises(NotFoundError):
        store.reader().read_shard_by_rank(old, 0)


def test_completing_a_checkpoint_again_keeps_its_shards(uri: str) -> None:
    writers = [PyCheckpointStore(uri).writer(2, rank) for rank in range(2)]
    metas = [writer.save_distributed_shard(7, 0, "torch", DATA[writer.rank :]) for writer in writers]
    for writer in writers:  # as every rank may, or one whose first call failed on the way back
        writer.finalize_distributed_checkpoint(7, 0, "torch", metas)
    reader = PyCheckpointStore(uri).reader()
    (manifest,) = reader.manifests()
    assert [bytes(view) for view in reader.read_all_shards(manifest)] == [DATA, DATA[1:]]


@pytest.mark.parametrize(
    "key", ["../secret", "shards/../../secret", "shards//secret", "/secret", "shards", "manifests/x"]
)
def test_a_manifest_leads_nowhere_else(local: str, tmp_path: Path, key: str) -> None:
    (tmp_path / "secret").write_bytes(DATA)
    store = PyCheckpointStore(local)
    place = tmp_path / "run" / store.save(1, 0, "torch", DATA)
    manifest = json.loads(place.read_text())
    manifest["shards"][0]["key"] = key
    with pytest.raises(InvalidError, match="no key of a shard"):
        store.reader().read_shard_by_rank(manifest, 0)
    with pytest.raises(InvalidError, match="no key of a shard"):
        store.reader().read_all_shards(manifest)
    with pytest.raises(InvalidError, match="no key of a shard"):
        store.writer(1, 0).finalize_distributed_checkpoint(1, 0, "torch", manifest["shards"])
    place.write_text(json.dumps(manifest))
    with pytest.raises(CorruptedError, match="no key of a shard"):
        s3dlio.load_checkpoint_with_validation(local, validate_integrity=False)
    assert store.delete_checkpoint(1)
    assert (tmp_path / "secret").read_bytes() == DATA


@pytest.mark.parametrize("manifest", [{}, {"shards": None}, {"shards": [1]}, {"shards": [{"rank": 0}]}])
def test_what_is_no_manifest(local: str, manifest: dict[str, Any]) -> None:
    reader = PyCheckpointStore(local).reader()
    for read in (reader.read_all_shards, lambda given: reader.read_shard_by_rank(given, 0)):
        with pytest.raises(InvalidError, match="no manifest"):
            read(manifest)


def test_a_reader_whose_checkpoint_goes_away_takes_the_next(local: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PyCheckpointStore(local)
    store.save(1, 0, "torch", b"first")
    store.save(2, 0, "torch", b"second")
    read = s3dlio.PyCheckpointReader.read

    def read_late(reader: Any, manifest: Any, *arguments: Any) -> Any:
        store.delete_checkpoint(2)
        return read(reader, manifest, *arguments)

    monkeypatch.setattr(s3dlio.PyCheckpointReader, "read", read_late)
    assert latest(local) == b"first"


def test_what_is_not_whole_is_no_checkpoint(uri: str) -> None:
    store = PyCheckpointStore(uri)
    store.save(1, 0, "torch", b"whole")
    metas = [store.writer(3, rank).save_distributed_shard(2, 0, "torch", DATA) for rank in (0, 2)]
    stream = store.writer(3, 1).get_distributed_shard_stream(2, 0, "torch")
    stream.write_chunk(DATA)
    with pytest.raises(InvalidError, match=r"step 2 is not complete: 1 of 3 ranks are missing: \[1\]") as caught:
        store.writer(3, 0).finalize_distributed_checkpoint(2, 0, "torch", metas)
    assert caught.value.uri == uri.rstrip("/")
    assert (latest(uri), steps(uri)) == (b"whole", [1])
    stream.write_chunk(b"end")
    metas.append(stream.finalize())
    store.writer(3, 0).finalize_distributed_checkpoint(2, 0, "torch", metas)
    reader = store.reader()
    assert reader.read_shard_by_rank(reader.load_manifest(2), 1) == DATA + b"end"


def meta_of(local: str, step: int = 5, world_size: int = 2, rank: int = 0) -> dict[str, Any]:
    return PyCheckpointStore(local).writer(world_size, rank).save_distributed_shard(step, 0, "torch", b"x")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda metas: metas[:1] * 2, "rank 0 is there twice"),
        (lambda metas: [*metas, {**metas[0], "rank": 2}], "there is no rank 2 of 2"),
        (lambda metas: [metas[0], {**metas[1], "step": 6}], "the shard of rank 1 is of step 6, not 5"),
        (lambda metas: [metas[0], {**metas[1], "world_size": 4}], "the shard of rank 1 is of world_size 4, not 2"),
        (lambda metas: [metas[0], {"rank": 1}], "key must be str, not None"),
        (lambda metas: [metas[0], "rank 1"], "a shard is described by a dict, not by str"),
        (lambda _: [], "2 of 2 ranks are missing: [0, 1]"),
    ],
)
def test_shards_that_do_not_fit(local: str, change: Callable[[list[Any]], list[Any]], text: str) -> None:
    metas = [meta_of(local), meta_of(local, rank=1)]
    with pytest.raises(InvalidError) as caught:
        PyCheckpointStore(local).writer(2, 0).finalize_distributed_checkpoint(5, 0, "torch", change(metas))
    assert text in str(caught.value)
    assert local in str(caught.value)
    assert steps(local) == []


def damage(uri: str, change: Callable[[bytes], bytes]) -> None:
    """Changes an object behind the library's back."""
    s3dlio.put(uri, change(bytes(s3dlio.get(uri))))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda data: data[:-1], "has 25599 bytes, 25600 were stored"),
        (lambda data: data + b"x", "has 25601 bytes, 25600 were stored"),
        (lambda data: b"x" + data[1:], "is not what was stored: its checksum is crc32c:"),
    ],
)
def test_a_damaged_shard_is_an_error(uri: str, change: Callable[[bytes], bytes], text: str) -> None:
    store = PyCheckpointStore(uri)
    store.save(1, 0, "torch", DATA)
    reader = store.reader()
    manifest = reader.load_manifest(1)
    shard = f"{store.uri}/{manifest['shards'][0]['key']}"
    damage(shard, change)
    for load in (store.load_latest, lambda: reader.read_all_shards(manifest), lambda: s3dlio.load_checkpoint(uri)):
        with pytest.raises(CorruptedError, match=text) as caught:
            load()
        assert caught.value.uri == shard
        assert isinstance(caught.value, OSError)
    assert s3dlio.load_checkpoint_with_validation(uri, validate_integrity=False) == change(DATA)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b'{"format_version": 1, "shards": [{}]}'])
def test_a_damaged_manifest_is_an_error_and_can_be_deleted(local: str, text: bytes) -> None:
    store = PyCheckpointStore(local)
    key = store.save(1, 0, "torch", DATA)
    damage(f"{local}/{key}", lambda _: text)
    with pytest.raises(CorruptedError, match="no manifest") as caught:
        store.load_latest()
    assert caught.value.uri == f"{local}/{key}"
    assert store.delete_checkpoint(1)
    assert store.load_latest() is None


def test_a_later_format_is_told(local: str) -> None:
    key = PyCheckpointStore(local).save(1, 0, "torch", DATA)
    damage(f"{local}/{key}", lambda text: text.replace(b'"format_version": 1', b'"format_version": 2'))
    with pytest.raises(InvalidError, match="has the format 2"):
        PyCheckpointStore(local).load_latest()


def test_a_shard_that_is_gone_is_an_error(local: str) -> None:
    store = PyCheckpointStore(local)
    store.save(1, 0, "torch", DATA)
    shard = f"{local}/{store.reader().load_manifest(1)['shards'][0]['key']}"
    s3dlio.delete(shard)
    with pytest.raises(NotFoundError) as caught:
        store.load_latest()
    assert caught.value.uri == shard


def test_other_files_are_left_alone(local: str, tmp_path: Path) -> None:
    store = PyCheckpointStore(local)
    store.save(1, 0, "torch", DATA)
    (tmp_path / "run/manifests/notes.txt").write_text("mine")
    (tmp_path / "run/config.json").write_text("mine")
    assert steps(local) == [1]
    store.delete_checkpoint(1)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["config.json", "notes.txt"]


def test_concurrent_saves(uri: str) -> None:
    failures: list[BaseException] = []

    def save(step: int) -> None:
        try:
            PyCheckpointStore(uri).save(step, 0, "torch", b"%d" % step * 1000)
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=save, args=(step,)) for step in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert steps(uri) == list(range(12))
    reader = PyCheckpointStore(uri).reader()
    for step in range(12):
        assert reader.read_shard_by_rank(reader.load_manifest(step), 0) == b"%d" % step * 1000


def test_a_reader_sees_whole_checkpoints_only(local: str) -> None:
    """While one step is saved again and again, with data of one kind each time."""
    store = PyCheckpointStore(local)
    store.save(0, 0, "torch", bytes(100_000))
    done = threading.Event()
    seen: list[set[int]] = []

    def read() -> None:
        while not done.is_set():
            view = PyCheckpointStore(local).load_latest()
            assert view is not None
            seen.append(set(bytes(view)))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        store.save(number % 2, 0, "torch", bytes([number]) * 100_000)
    done.set()
    reader.join()
    assert seen
    assert all(len(kinds) == 1 for kinds in seen)


KILLED = """
import os, signal, sys, s3dlio
writer = s3dlio.PyCheckpointStore(sys.argv[1]).writer(2, 0)
metas = [writer.save_distributed_shard(2, 0, "torch", bytes(100_000))]
store = s3dlio.PyCheckpointStore(sys.argv[1], part_size=100_000)
stream = store.writer(2, 1).get_distributed_shard_stream(2, 0, "torch")
stream.write_chunk(bytes(12 << 20))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("uri", ["file", "minio", "azurite", "fake_gcs", "hdfs"], indirect=True)
def test_killed_between_shards(uri: str) -> None:
    store = PyCheckpointStore(uri)
    store.save(1, 0, "torch", b"whole")
    assert subprocess.run([sys.executable, "-c", KILLED, uri], check=False).returncode == -signal.SIGKILL
    assert (latest(uri), steps(uri)) == (b"whole", [1])
    assert not store.delete_checkpoint(2)  # but its shards are deleted
    assert not [name for name in s3dlio.list(f"{store.uri}/shards/", recursive=True) if "step-000000000002" in name]


RANK = """
import json, sys, s3dlio
uri, rank = sys.argv[1], int(sys.argv[2])
writer = s3dlio.PyCheckpointStore(uri).writer(3, rank)
print(json.dumps(writer.save_distributed_shard(9, 1, "torch", b"%d" % rank * 100_000)))
"""


@pytest.mark.parametrize("uri", ["file", "minio", "azurite", "fake_gcs", "hdfs"], indirect=True)
def test_ranks_in_processes(uri: str) -> None:
    commands = [[sys.executable, "-c", RANK, uri, str(rank)] for rank in range(3)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    found = [json.loads(process.communicate()[0]) for process in processes]
    store = PyCheckpointStore(uri)
    store.writer(3, 2).finalize_distributed_checkpoint(9, 1, "torch", found)
    reader = store.reader()
    assert [bytes(view) for view in reader.read_all_shards(reader.load_manifest(9))] == [
        b"%d" % rank * 100_000 for rank in range(3)
    ]


def test_shards_may_be_anything_bytes_like(local: str) -> None:
    store = PyCheckpointStore(local)
    weights: Any = np.arange(10_000, dtype=np.float32).reshape(100, 100)
    store.save(np.int64(1), 0, "numpy", weights)
    view = store.load_latest()
    assert view is not None
    loaded = np.frombuffer(view, np.float32)  # type: ignore[call-overload]
    assert np.array_equal(loaded.reshape(100, 100), weights)
    del loaded
    tensor = torch.frombuffer(view, dtype=torch.float32)
    del view
    assert torch.equal(tensor, torch.arange(10_000, dtype=torch.float32))


def test_a_shard_given_up(local: str, tmp_path: Path) -> None:
    stream = PyCheckpointStore(local).writer(1, 0).get_distributed_shard_stream(1, 0, "torch")
    stream.write_chunk(DATA)
    stream.cancel()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((-1, 0, "torch", b""), "step must be an int that is at least 0"),
        (("1", 0, "torch", b""), "step must be"),
        ((True, 0, "torch", b""), "step must be"),
        ((1, None, "torch", b""), "epoch must be"),
        ((1, 0, 3, b""), "framework must be str"),
        ((1, 0, "torch", "text"), "bytes-like"),
        ((1, 0, "torch", b"", {"a": object()}), "user_meta must be"),
        ((1, 0, "torch", b"", {"a": {1, 2}}), "user_meta must be"),
    ],
)
def test_bad_arguments_store_nothing(local: str, tmp_path: Path, arguments: tuple[Any, ...], text: str) -> None:
    with pytest.raises(InvalidError, match=text):
        PyCheckpointStore(local).save(*arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        (("no uri",), {}, "needs a URI"),
        ((3,), {}, "needs a URI"),
        (("file:///a", "hash"), {}, "strategy must be"),
        (("file:///a",), {"multipart_threshold": 0}, "part_size"),
        (("file:///a",), {"regoin": "x"}, "Did you mean 'region'"),
        (("file:///a",), {"compression": "zstd"}, "compression has no effect"),
    ],
)
def test_bad_stores(arguments: tuple[Any, ...], options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidError, match=text):
        PyCheckpointStore(*arguments, **options)


@pytest.mark.parametrize(("world_size", "rank"), [(0, 0), (2, 2), (2, -1), ("2", 0)])
def test_bad_ranks(local: str, world_size: Any, rank: Any) -> None:
    with pytest.raises(InvalidError, match=r"rank|world_size"):
        PyCheckpointStore(local).writer(world_size, rank)


def test_bad_places(minio_bucket: Bucket) -> None:
    for uri in ("ftp://a/b", "s3://no-such-bucket-anywhere/a"):
        store = PyCheckpointStore(uri)
        for call in (store.load_latest, store.list_checkpoints, lambda s=store: s.save(1, 0, "torch", b"x")):
            with pytest.raises(S3DlioError, match=uri):
                call()
