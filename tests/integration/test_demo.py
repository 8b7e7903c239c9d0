"""The demonstration runs as a user runs it: a command, which ends in accuracies, a table and a chart."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support.servers import Bucket

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"
SECONDS = 240
IMAGES = 300
LOADED = ["create_dataset", "dataset[i]", "async for", "train", "test"]


def run(*arguments: str | Path, status: int = 0) -> str:
    """What the command prints on a wide screen."""
    command = [sys.executable, DEMO, f"--limit={IMAGES}", *arguments]
    environment = os.environ | {"COLUMNS": "160"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS, env=environment)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def accuracies(output: str) -> dict[str, float]:
    found = re.findall(r"Accuracy .* learned from (\w+)://: ([\d.]+)%", output)
    return {scheme: float(percent) for scheme, percent in found}


def rows(output: str, scheme: str) -> list[str]:
    """The step of each row of the table that has measurements."""
    return re.findall(rf"^ *{scheme}:// +(.+?) +(?:images|arrays) +[\d,]+ +\S+ +[\d.]+ +[\d,.]+ +\S+ *$", output, re.M)


def assert_chart(folder: Path) -> None:
    with Image.open(folder / "throughput.png") as chart:
        assert chart.format == "PNG"
        colours = chart.convert("RGB").getcolors(1 << 20)
    assert colours is not None
    assert len(colours) > 10  # something is drawn


@pytest.mark.parametrize("model", ["torch", "numpy"])
def test_learns_from_a_folder_through_both_local_schemes(tmp_path: Path, model: str) -> None:
    output = run("--output", tmp_path, "--epochs=8", "--model", model)
    learned = accuracies(output)
    assert learned.keys() == {"file", "direct"}
    assert min(learned.values()) > 40  # chance is 10
    assert learned["file"] == learned["direct"]  # the same bytes in the same order
    assert rows(output, "file")[:2] == ["put_many", "put_many"]
    for scheme in learned:
        steps = rows(output, scheme)
        assert all(any(step.startswith(name) for step in steps) for name in LOADED), output
    assert len(list((tmp_path / f"mnist-{IMAGES}" / "train").rglob("*.png"))) == IMAGES * 4 // 5
    assert_chart(tmp_path)


def test_uses_a_bucket_and_finds_the_dataset_there_the_next_time(minio_bucket: Bucket, tmp_path: Path) -> None:
    arguments = ("--output", tmp_path, "--epochs=3", "--model=numpy", "--uri", minio_bucket.uri("some/prefix"))
    output = run(*arguments)
    assert accuracies(output)["s3"] > 40
    assert rows(output, "s3")[:2] == ["put_many", "put_many"]
    keys = minio_bucket.keys()
    assert len(keys) == IMAGES + 5
    assert all(key.startswith(f"some/prefix/mnist-{IMAGES}/") for key in keys)
    assert_chart(tmp_path)

    again = run(*arguments)
    assert accuracies(again) == accuracies(output)
    assert "put_many" not in rows(again, "s3")
    assert "there already" in again
    assert minio_bucket.keys() == keys


def test_the_command_it_prints_removes_what_it_wrote(minio_bucket: Bucket, tmp_path: Path) -> None:
    minio_bucket.put("prefix/mine", b"not the demo's")
    output = run("--output", tmp_path, "--model=numpy", "--uri", minio_bucket.uri("prefix/"))
    command = output.splitlines()[-1]
    subprocess.run(command, shell=True, check=True, timeout=SECONDS, cwd=tmp_path)
    assert minio_bucket.keys() == ["prefix/mine"]


def test_wrong_uri_ends_in_one_clear_sentence(minio_bucket: Bucket, tmp_path: Path) -> None:
    output = run("--output", tmp_path, "--uri", "s3://no-such-bucket-here/prefix", status=1)
    assert "NotFoundError" in output
    assert "s3://no-such-bucket-here/prefix" in output
    assert "Traceback" not in output
