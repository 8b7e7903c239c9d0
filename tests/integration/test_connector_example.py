"""The example of the drop-in runs as a user runs it, on local files and on a service."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.servers import Bucket

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/compat_s3torchconnector_example.py"
SECONDS = 240
STEPS = [
    "put_many, 40 objects",
    "S3IterableDataset, 2 workers",
    "S3MapDataset, shuffled, 2 workers",
    "the last 100 bytes of each, sequential",
    "the last 100 bytes of each, range_based",
    "S3Checkpoint, torch.save",
    "S3Checkpoint, torch.load",
    "S3StorageWriter, dcp.save",
    "S3StorageReader, dcp.load",
]


def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [sys.executable, EXAMPLE, "--count", "40", "--size", "5000", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def megabytes(output: str) -> dict[str, float]:
    """How much each step has moved."""
    return {
        name: float(amount) for name, amount in re.findall(r"^(\S.*?) +([\d.]+) MB +[\d.]+ s +\S+ MB/s$", output, re.M)
    }


def assert_complete(output: str) -> None:
    moved = megabytes(output)
    assert list(moved) == STEPS
    assert [moved[name] for name in STEPS[:3]] == [0.2, 0.2, 0.2]
    assert moved["S3Checkpoint, torch.load"] == moved["S3StorageReader, dcp.load"] == 16.8


def test_on_a_service_and_nothing_is_left(minio_bucket: Bucket) -> None:
    assert_complete(run("--uri", minio_bucket.uri("try")).stdout)
    assert minio_bucket.keys() == []
    assert minio_bucket.uploads() == []


def test_on_local_files_and_nothing_is_left() -> None:
    output = run().stdout
    (folder,) = re.findall(r"file://(/\S+)", output)
    assert_complete(output)
    assert not Path(folder).exists()


def test_what_is_wrong_is_said_in_one_line(minio_bucket: Bucket) -> None:
    complaints = run("--uri", f"s3://{minio_bucket.name}-missing/x", code=1).stderr.strip().splitlines()
    assert len(complaints) == 1
    assert f'bucket "{minio_bucket.name}-missing" not found' in complaints[0]


def test_help_has_examples() -> None:
    assert run("--help").stdout.count("\n  python examples/compat_s3torchconnector_example.py") == 3
