"""The op-log: a line for every operation, whatever becomes of the process."""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import s3dlio
from s3dlio import PyDataset
from tests.support import oplogs, programs
from tests.support.mem import MemBucket
from tests.support.servers import ACCESS_KEY, SECRET_KEY, Bucket


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A log that is on."""
    path = tmp_path / "ops.tsv.zst"
    s3dlio.init_op_log(path)
    yield path
    s3dlio.finalize_op_log()


@pytest.fixture
def sample(tmp_path: Path) -> str:
    (tmp_path / "sample.bin").write_bytes(b"x" * 10)
    return f"file://{tmp_path}/sample.bin"


def test_every_operation_has_a_line(log: Path) -> None:
    bucket = MemBucket()
    uris = [bucket.put(f"a/{i}", b"x" * i) for i in range(20)]
    s3dlio.get_many(uris)
    s3dlio.get_range(uris[9], 2, 5)
    s3dlio.list(bucket.uri(), recursive=True)
    s3dlio.stat(uris[3])
    s3dlio.delete(uris[0])
    with pytest.raises(s3dlio.NotFoundError):
        s3dlio.get(bucket.uri("none"))
    s3dlio.finalize_op_log()
    rows = oplogs.read(log)
    ops = Counter(row["op"] for row in rows)
    assert ops == {"CREATE_CONTAINER": 1, "PUT": 20, "GET": 22, "LIST": 1, "STAT": 1, "DELETE": 1}
    assert [row["idx"] for row in rows] == [str(i) for i in range(len(rows))]
    assert sum(int(row["bytes"]) for row in rows if row["op"] == "GET") == sum(range(20)) + 5
    (listing,) = [row for row in rows if row["op"] == "LIST"]
    assert (listing["n_objects"], listing["endpoint"] + listing["file"]) == ("20", bucket.uri())
    (failed,) = [row for row in rows if row["error"]]
    assert failed["op"] == "GET" and failed["file"] == f"{bucket.name}/none" and "not found" in failed["error"]
    for row in rows:
        start, end = (datetime.fromisoformat(row[name][:26] + "+00:00") for name in ("start", "end"))
        assert start <= end and len(row["start"]) == len("2026-01-01T00:00:00.000000000Z")


def test_stats_and_state(log: Path, tmp_path: Path) -> None:
    assert s3dlio.is_op_log_active()
    s3dlio.init_op_log(log)  # the same again
    with pytest.raises(s3dlio.InvalidError, match="finalize_op_log"):
        s3dlio.init_op_log(tmp_path / "other")
    MemBucket().put("k", b"1")
    stats = s3dlio.op_log_stats()
    assert (stats["active"], stats["path"], stats["lines"], stats["dropped"]) == (True, str(log), 2, 0)
    assert Path(stats["partial"]).exists() and not log.exists()
    s3dlio.finalize_op_log()
    s3dlio.finalize_op_log()  # without a log
    assert not s3dlio.is_op_log_active() and s3dlio.op_log_stats()["active"] is False
    assert list(tmp_path.iterdir()) == [log]
    s3dlio.init_op_log(log)  # one after the other
    s3dlio.finalize_op_log()
    assert oplogs.read(log) == []


@pytest.mark.parametrize("path", [b"ops", "", 3, None, "a\0b"])
def test_no_path(path: object) -> None:
    with pytest.raises(s3dlio.InvalidError, match="op-log"):
        s3dlio.init_op_log(path)  # type: ignore[arg-type]
    assert not s3dlio.is_op_log_active()


def test_unwritable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, error in [
        (tmp_path / "none/ops", s3dlio.NotFoundError),
        (tmp_path / "file/ops", s3dlio.NotDirectoryError),
        (tmp_path, s3dlio.IsDirectoryError),
    ]:
        with pytest.raises(error, match=str(path)):
            s3dlio.init_op_log(path)
    assert not s3dlio.is_op_log_active()


@pytest.mark.parametrize("way", ["exit", "finalized"])
def test_a_program_ends(way: str, tmp_path: Path, sample: str) -> None:
    programs.run("op_logs", way, tmp_path / "ops.tsv.zst", sample)
    assert [row["op"] for row in oplogs.read(tmp_path / "ops.tsv.zst")] == ["GET"]


def test_a_program_is_killed(tmp_path: Path, sample: str) -> None:
    programs.run("op_logs", "killed", tmp_path / "ops.tsv.zst", sample, code=-signal.SIGKILL)
    (partial,) = tmp_path.glob("*.partial")
    assert [row["op"] for row in oplogs.read(partial)] == ["GET"]


def test_forked_processes_have_logs_of_their_own(tmp_path: Path, sample: str) -> None:
    pids = programs.run("op_logs", "forked", tmp_path / "ops.tsv.zst", sample).split()
    for name in ("ops.tsv.zst", *(f"ops.{pid}.tsv.zst" for pid in pids)):
        (row,) = oplogs.read(tmp_path / name)
        assert row["op"] == "GET"
    assert len(list(tmp_path.glob("ops*"))) == 3


def test_workers_of_a_data_loader(log: Path, sample: str) -> None:
    from torch.utils.data import DataLoader

    from s3dlio.torch import S3MapDataset

    loader: DataLoader[Any] = DataLoader(S3MapDataset(sample), num_workers=1, multiprocessing_context="fork")
    assert len(list(loader)) == 1
    (worker,) = log.parent.glob("ops.*.tsv.zst")
    assert [row["op"] for row in oplogs.read(worker)] == ["GET"]


def test_endpoints_and_no_secrets(log: Path, minio_bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = minio_bucket.put("a b/k?x=1", b"12345")
    s3dlio.get(uri)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-wrong-secret")
    with pytest.raises(s3dlio.PermissionDeniedError):
        s3dlio.get(uri)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9/")
    with pytest.raises(s3dlio.ConnectionFailedError):
        PyDataset.from_uris([uri], max_attempts=2)[0]
    s3dlio.finalize_op_log()
    rows = oplogs.read(log)
    assert [row["op"] for row in rows] == ["GET"] * 4  # each attempt
    assert {row["file"] for row in rows} == {f"/{minio_bucket.name}/a b/k?x=1"}
    assert [row["endpoint"] for row in rows] == [minio_bucket.server.endpoint] * 2 + ["http://127.0.0.1:9"] * 2
    assert [bool(row["error"]) for row in rows] == [False, True, True, True]
    text = str(rows)
    assert not any(secret in text for secret in ("wrong-secret", SECRET_KEY, ACCESS_KEY))


def test_the_guide_runs(minio_bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (programs.ROOT / "docs/guide/op-log.md").read_text()
    (block,) = re.findall("```python\n(.*?)```", text, re.DOTALL)
    exec(compile(block.replace("my-bucket", minio_bucket.name), "op-log.md", "exec"), {})
    rows = oplogs.read(tmp_path / "ops.tsv.zst")
    assert [row["op"] for row in rows] == ["PUT", "GET"]
    assert set(re.findall(r"`([A-Z_]+)[ `]", text)) >= {row["op"] for row in rows}
    assert all(f"`{column}`" in text for column in oplogs.COLUMNS)
