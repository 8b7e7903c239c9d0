"""Distributed checkpoints through the drop-in: by several ranks, for others, on every scheme, whole or not there."""

from __future__ import annotations

import dataclasses
import io
import logging
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed.checkpoint._extension import ZStandard
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner, DefaultSavePlanner
from torch.distributed.checkpoint.planner import LoadPlan, SavePlan, WriteItem
from torch.distributed.checkpoint.state_dict_loader import load as load_distributed
from torch.distributed.checkpoint.state_dict_saver import async_save
from torch.distributed.checkpoint.state_dict_saver import save as save_distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

import s3dlio
from s3dlio.compat.s3torchconnector import S3ReaderConstructor
from s3dlio.compat.s3torchconnector._s3client import S3Client
from s3dlio.compat.s3torchconnector._user_agent import UserAgent
from s3dlio.compat.s3torchconnector.dcp import (
    BinaryPrefixStrategy,
    DefaultPrefixStrategy,
    HexPrefixStrategy,
    NumericPrefixStrategy,
    RoundRobinPrefixStrategy,
    S3FileSystem,
    S3PrefixStrategyBase,
    S3StorageReader,
    S3StorageWriter,
)
from s3dlio.compat.s3torchconnector.dcp.s3_file_system import StorageMetadata
from s3dlio.compat.s3torchconnectorclient import S3Exception
from tests.support.audit import AuditLog
from tests.support.ranks import run_ranks
from tests.support.samples import Store
from tests.support.servers import Bucket

pytestmark = pytest.mark.filterwarnings(
    "ignore:torch.distributed is disabled, unavailable or uninitialized:UserWarning",
    "ignore:Detected an existing checkpoint:UserWarning",  # of overwrite=True
)
MIB = 1 << 20
READERS: dict[str, Callable[[], Any]] = {
    "default": lambda: None,
    "optimized without gaps": lambda: S3ReaderConstructor.dcp_optimized(0),
    "sequential": S3ReaderConstructor.sequential,
    "range based": S3ReaderConstructor.range_based,
}
STATE = {"a.weight": torch.arange(2000.0).reshape(50, 40), "a.bias": torch.rand(40), "b.weight": torch.rand(3, 1000)}


def keys(uri: str) -> list[str]:
    """What is stored below a URI, without it."""
    return sorted(found.removeprefix(f"{uri}/") for found in s3dlio.list(f"{uri}/", recursive=True))


def save(uri: str, state: dict[str, Any] = STATE, **options: Any) -> None:
    save_distributed(state, storage_writer=S3StorageWriter("us-east-1", uri, **options))


def storage(uri: str, reader: str) -> S3StorageReader:
    return S3StorageReader("us-east-1", uri, reader_constructor=READERS[reader]())


def load(uri: str, *names: str, reader: str = "default", **options: Any) -> dict[str, Any]:
    state = {name: torch.zeros_like(STATE[name]) for name in names or STATE}
    load_distributed(state, storage_reader=storage(uri, reader), **options)
    return state


def assert_loaded(state: dict[str, Any]) -> None:
    for name, tensor in state.items():
        assert torch.equal(tensor, STATE[name]), name


def sharded(ranks: int, make: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, Any]:
    """The state of one rank: a part of a tensor, whole tensors, and what is no tensor."""
    mesh = init_device_mesh("cpu", (ranks,))
    full = torch.arange(7 * 300.0).reshape(7, 300)
    return {
        "sharded": distribute_tensor(make(full), mesh, [Shard(0)]),
        "replicated": distribute_tensor(make(full + 1), mesh, [Replicate()]),
        "plain": make(torch.arange(5)),
        "nested": {"step": int(make(torch.tensor(7)))},
    }


def save_as_three(rank: int, uri: str) -> str:
    state = sharded(3, torch.clone)
    for threads in (1, 4):
        save(f"{uri}/threads-{threads}", state, thread_count=threads)
    strategy = BinaryPrefixStrategy(epoch_num=4, min_prefix_length=2)
    for _ in range(2):  # it is overwritten
        writer = S3StorageWriter("us-east-1", f"{uri}/asynchronous", prefix_strategy=strategy)
        async_save(state, storage_writer=writer).result()  # type: ignore[union-attr]
    writer = S3StorageWriter(None, f"{uri}/alone", prefix_strategy=RoundRobinPrefixStrategy(["x", "y"]))
    save_distributed(state, storage_writer=writer, use_collectives=False)
    try:
        save(f"{uri}/threads-1", state, overwrite=False)
    except CheckpointException as error:
        return str(error)
    return "no error"


def load_as_two(rank: int, uri: str) -> None:
    expected = sharded(2, torch.clone)
    ways = [("threads-1", "default"), ("asynchronous", "default"), *(("threads-4", reader) for reader in READERS)]
    for name, reader in ways:
        state = sharded(2, torch.zeros_like)
        load_distributed(state, storage_reader=storage(f"{uri}/{name}", reader))
        for part in ("sharded", "replicated"):
            assert torch.equal(state[part].to_local(), expected[part].to_local())
        assert torch.equal(state["plain"], expected["plain"])
        assert state["nested"] == {"step": 7}


@pytest.mark.parametrize("scheme", ["s3", "file"])
def test_three_ranks_save_and_two_load(scheme: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if scheme == "s3":
        uri = request.getfixturevalue("minio_bucket").uri("run [1] & more")
    else:
        uri = f"{scheme}://{tmp_path}/run [1] & more"
    for complaint in run_ranks(3, save_as_three, uri):
        assert "Checkpoint already exists" in complaint
    for threads in (1, 4):
        names = [f"__{rank}_{thread}.distcp" for rank in range(3) for thread in range(threads)]
        assert keys(f"{uri}/threads-{threads}") == [".metadata", *names]
    names = ["00/epoch_4/__0_0.distcp", "01/epoch_4/__2_0.distcp", "10/epoch_4/__1_0.distcp"]
    assert keys(f"{uri}/asynchronous") == [".metadata", *names]
    metadata = [f"__{rank}.metadata" for rank in range(3)]
    assert keys(f"{uri}/alone") == [*metadata, "x/__0_0.distcp", "x/__2_0.distcp", "y/__1_0.distcp"]
    run_ranks(2, load_as_two, uri)


@pytest.mark.parametrize("reader", READERS)
def test_what_is_saved_is_loaded(place: Store, reader: str) -> None:
    for path in (place.uri("whole"), place.uri("whole") + "/"):
        save(path)
        assert_loaded(load(path, reader=reader))
    assert_loaded(load(place.uri("whole"), "a.weight", "b.weight", reader=reader))
    save(place.uri("packed"), _extensions=[ZStandard()], thread_count=2)
    assert_loaded(load(place.uri("packed"), reader=reader))
    assert_loaded(load(place.uri("packed"), "b.weight", reader=reader))


class InHalves(DefaultLoadPlanner):
    """Reads each tensor as two, as a planner may that is to save memory."""

    def create_local_plan(self) -> LoadPlan:
        halves = []
        for item in super().create_local_plan().items:
            middle = item.lengths[0] // 2
            for start, length in ((0, middle), (middle, item.lengths[0] - middle)):
                halves.append(
                    dataclasses.replace(
                        item,
                        dest_offsets=torch.Size([start, *item.dest_offsets[1:]]),
                        storage_offsets=torch.Size([start, *item.storage_offsets[1:]]),
                        lengths=torch.Size([length, *item.lengths[1:]]),
                    )
                )
        return LoadPlan(halves)


@pytest.mark.parametrize("reader", READERS)
def test_an_item_may_be_read_several_times(minio_bucket: Bucket, reader: str) -> None:
    save(minio_bucket.uri("run"))
    assert_loaded(load(minio_bucket.uri("run"), reader=reader, planner=InHalves()))


def test_a_checkpoint_that_is_not_there(place: Store) -> None:
    with pytest.raises(CheckpointException, match="Service error: The key does not exist"):
        load(place.uri("nothing"))


LARGE = {name: torch.rand(3 * MIB) for name in "abc"}  # 12 MiB each


class Unwilling(DefaultSavePlanner):
    """Has no data of the last tensor."""

    def resolve_data(self, write_item: WriteItem) -> torch.Tensor | io.BytesIO:
        if write_item.index.fqn == "c":
            raise ZeroDivisionError("no data")
        return super().resolve_data(write_item)


class UnwillingInThreads(DefaultSavePlanner):
    """Has data for the main thread alone, which has to wait until another one asks."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = threading.Event()

    def resolve_data(self, write_item: WriteItem) -> torch.Tensor | io.BytesIO:
        if threading.current_thread() is threading.main_thread():
            assert self._asked.wait(60)
            return super().resolve_data(write_item)
        self._asked.set()
        raise ZeroDivisionError("no data")


def test_a_save_that_fails_leaves_nothing_half(bucket: Bucket) -> None:
    with pytest.raises(CheckpointException, match="no data"):
        save_distributed(LARGE, storage_writer=S3StorageWriter(None, bucket.uri("run")), planner=Unwilling())
    assert bucket.keys() == bucket.uploads() == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_fails_fails_the_save(bucket: Bucket) -> None:
    """By itself, torch would publish a checkpoint without the tensors of the thread."""
    writer = S3StorageWriter(None, bucket.uri("run"), thread_count=3)
    with pytest.raises(CheckpointException, match=r"2 of 3 items .*/run could not be stored: no data"):
        save_distributed(LARGE, storage_writer=writer, planner=UnwillingInThreads())
    assert len(bucket.keys()) == 1  # that of the main thread, whole
    assert bucket.uploads() == []
    save_distributed(LARGE, storage_writer=writer)
    assert len(bucket.keys()) == 4


def test_requests(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    """One request a file, and what renaming the metadata takes."""
    uri = audited_bucket.uri("run")
    save(uri, thread_count=2)
    found = [(request.operation, request.key) for request in audit_log.requests(audited_bucket)]
    files = [("PutObject", f"run/{name}") for name in ("__0_0.distcp", "__0_1.distcp", ".metadata.tmp")]
    renamed = [(operation, "run/.metadata.tmp") for operation in ("HeadObject", "CopyObject", "DeleteObject")]
    asked = [("HeadObject", "run/.metadata")] * 2
    assert sorted(request for request in found if "Bucket" not in request[0]) == sorted(files + renamed + asked)


STRANGE = "a b+c%2Fd [re.name]!@£$^&*_(src)?#ü"


def test_files(place: Store) -> None:
    files = S3FileSystem("us-east-1")
    old, new = (files.concat_path(files.concat_path(place.uri("run"), name), STRANGE) for name in ("x", "y"))
    assert not files.exists(old)
    files.mkdir(place.uri("run"))
    with files.create_stream(old, "wb") as writer:
        writer.write(b"content")
    assert files.exists(old)
    files.rename(old, new)
    assert (files.exists(old), files.exists(new)) == (False, True)
    files.rename(new, new)  # nothing is lost
    with files.create_stream(new, "rb") as reader:
        assert reader.read() == b"content"
    with pytest.raises(S3Exception, match=r"^Service error: The object was not found$"):
        files.rename(old, new)
    with pytest.raises(ZeroDivisionError), files.create_stream(old, "wb") as writer:
        writer.write(b"%d" % (1 // 0))
    assert not files.exists(old)
    for _ in range(2):
        files.rm_file(new)
    assert not files.exists(new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("s3://bucket-a/key", "s3://bucket-b/key"),
        ("s3://bucket/key", "mem://bucket/key"),
        ("file:///tmp/key", "direct:///tmp/key"),
    ],
)
def test_nothing_is_renamed_across_buckets(old: str, new: str) -> None:
    with pytest.raises(ValueError, match=r"^Source and destination buckets cannot be different "):
        S3FileSystem().rename(old, new)


def test_paths(tmp_path: Path) -> None:
    files = S3FileSystem("us-east-1")
    assert files.concat_path(tmp_path, "x") == f"{tmp_path}/x"
    assert files.init_path(tmp_path) is tmp_path
    for good in ("s3://bucket/key", "file:///tmp", "direct:///tmp", "mem://bucket", tmp_path):
        assert files.validate_checkpoint_id(good)
        assert S3StorageWriter.validate_checkpoint_id(good)
        assert S3StorageReader.validate_checkpoint_id(good)
    for bad in ("foobar", "s3:///", "ftp://bucket/key", "s3//bucket/key"):
        assert not files.validate_checkpoint_id(bad)
    with pytest.raises(ValueError, match=r"^Invalid mode='a' mode argument: create_stream only supports rb \(read"):
        files.create_stream("s3://bucket/key", "a").__enter__()
    with pytest.raises(ValueError, match=r"^Only s3:// URIs are supported$"):
        files.exists("foobar")
    assert files._escape_path("a b//c+d/ü?") == "a%20b//c%2Bd/%C3%BC%3F"


class Stubborn(S3Client):
    """A client that fails to delete the first times."""

    refusals = 0

    def delete_object(self, bucket: str, key: str) -> None:
        if self.refusals:
            self.refusals -= 1
            raise S3Exception("refused")
        super().delete_object(bucket, key)


def test_a_rename_tries_three_times_to_delete(minio_bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    client = Stubborn("us-east-1")
    files = S3FileSystem("us-east-1", client)
    old = minio_bucket.put("old", b"content")
    client.refusals = 2
    files.rename(old, minio_bucket.uri("new"))
    assert minio_bucket.keys() == ["new"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING] * 2
    client.refusals = 3
    with pytest.raises(S3Exception, match=r"^refused$"):
        files.rename(minio_bucket.uri("new"), old)
    assert "this was the 3rd time calling it" in caplog.text
    assert minio_bucket.keys() == ["new", "old"]
    client.refusals = 1
    files.rm_file(old)  # that does not raise
    assert caplog.messages[-1] == "Failed to remove object from S3"


def test_what_a_missing_bucket_is(minio_bucket: Bucket) -> None:
    files = S3FileSystem("us-east-1")
    assert not files.exists("s3://no-such-bucket-here/key")
    files.rm_file("s3://no-such-bucket-here/key")
    with pytest.raises(S3Exception, match=r"^Client error: Unknown response error: "):
        files.create_stream("s3://no-such-bucket-here/key", "wb").__enter__()


def test_settings() -> None:
    writer = S3StorageWriter("us-east-1", "s3://bucket/run", thread_count=3, overwrite=False)
    assert (writer.path, writer.thread_count, writer.overwrite) == ("s3://bucket/run", 3, False)
    assert writer.sync_files is False
    assert isinstance(writer.prefix_strategy, DefaultPrefixStrategy)
    reader = S3StorageReader("us-east-1", "s3://bucket/run")
    for made, kind in ((writer, "sequential"), (reader, "dcp_optimized")):
        for whole in (made, pickle.loads(pickle.dumps(made))):
            agent = f"{UserAgent.get_default_prefix()} (dcp; {torch.__version__}; md/reader_type#{kind})"
            assert whole.fs._client.user_agent_prefix == agent
    plans = writer.prepare_global_plan([SavePlan([]), SavePlan([])])
    assert [plan.storage_data for plan in plans] == [StorageMetadata("__0_"), StorageMetadata("__1_")]


def test_prefixes() -> None:
    assert [DefaultPrefixStrategy()(rank) for rank in (0, 12)] == ["__0_", "__12_"]
    assert BinaryPrefixStrategy()(7) == "0000000000/__7_"  # one rank, so there is one prefix
    assert BinaryPrefixStrategy(min_prefix_length=1, prefix_count=4).prefix_map == ["00", "10", "01", "11"]
    assert HexPrefixStrategy(5, prefix_count=300)(299) == "b210000000/epoch_5/__299_"
    assert HexPrefixStrategy(min_prefix_length=1, prefix_count=257)(256) == "001/__256_"
    assert RoundRobinPrefixStrategy(["x", "y"])(3) == "y/__3_"
    assert RoundRobinPrefixStrategy(["x", "y"], epoch_num=0)(2) == "x/epoch_0/__2_"
    with pytest.raises(TypeError, match="abstract"):
        S3PrefixStrategyBase()  # type: ignore[abstract]


class Octal(NumericPrefixStrategy):
    """A strategy of a program's own."""

    def __init__(self, base: int = 8, **options: Any) -> None:
        super().__init__(base, **options)

    def _format_number(self, number: int, length: int) -> str:
        return f"{number:0{length}o}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_prefix_length": 0}, "Minimum prefix length must be positive, got 0"),
        ({"epoch_num": "1"}, "Epoch number must be None or an integer, got 1"),
        ({"prefix_count": 0}, "Prefix count must be a positive integer, got 0"),
        ({"prefix_count": 1.5}, "Prefix count must be a positive integer, got 1.5"),
        ({"base": 1}, "Base must be at least 2, got 1"),
    ],
)
def test_prefixes_that_cannot_be(options: dict[str, Any], message: str) -> None:
    assert Octal(prefix_count=9, min_prefix_length=1)(8) == "01/__8_"
    with pytest.raises(ValueError, match=f"^{message}$"):
        Octal(**options)
    with pytest.raises(ValueError, match=r"^user_prefixes must not be empty$"):
        RoundRobinPrefixStrategy([])
