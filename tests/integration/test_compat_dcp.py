"""Distributed checkpoints through the drop-in: by several ranks, for others, on every scheme, whole or not there."""

from __future__ import annotations

import dataclasses
import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.distributed.checkpoint._extension import ZStandard
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner, DefaultSavePlanner
from torch.distributed.checkpoint.planner import LoadPlan, WriteItem
from torch.distributed.checkpoint.state_dict_loader import load as load_distributed
from torch.distributed.checkpoint.state_dict_saver import async_save
from torch.distributed.checkpoint.state_dict_saver import save as save_distributed
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

import s3dlio
from s3dlio.compat.s3torchconnector import S3ReaderConstructor
from s3dlio.compat.s3torchconnector.dcp import (
    BinaryPrefixStrategy,
    RoundRobinPrefixStrategy,
    S3StorageReader,
    S3StorageWriter,
)
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


@pytest.mark.parametrize("kind", ["minio", "file", "azurite"])
def test_three_ranks_save_and_two_load(kind: str, place_of: Callable[[str], Store]) -> None:
    uri = place_of(kind).uri("run [1] & more")
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
