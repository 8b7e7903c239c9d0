"""The drop-in's parts of a distributed checkpoint: files, what they are called, and what fails how."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed.checkpoint.planner import SavePlan

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
from tests.support.samples import Store
from tests.support.servers import Bucket

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
