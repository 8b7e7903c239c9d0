"""The benchmarks run as a user runs them, on little data: what they measure, write and leave out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

from tests.support import environment

ROOT = Path(__file__).parents[2]
WORKS = ("get-128k", "list", "put-1m")


def run(*arguments: str | Path, status: int = 0) -> str:
    """What the command prints where PATH has uv, and neither nginx nor fio."""
    command = [sys.executable, "-m", "bench", *arguments]
    # peers are installed from the machine's package registry, with its proxies and certificates
    variables = environment.ORIGINAL | {"PATH": str(Path(sys.executable).parent), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=240, env=variables)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_measures_and_says_what_is_left_out(tmp_path: Path) -> None:
    choices = [f"--works={name}" for name in WORKS] + [f"--peers={name}" for name in ("s3dlio", "boto3", "fio")]
    places = ["--origins=minio", "--origins=nginx", f"--memory={tmp_path / 'data'}", f"--output={tmp_path / 'out'}"]
    output = run("--quick", *choices, *places)

    assert "LEFT OUT: nginx: nginx is missing: apt-get install" in output
    assert "LEFT OUT: fio: fio is missing: apt-get install fio" in output
    assert output.count("LEFT OUT") == 2, output
    results = json.loads((tmp_path / "out" / "performance.json").read_text())
    assert results["failures"] == []
    done = {(each["work"], each["origin"], each["peer"]) for each in results["measurements"]}
    assert done == {(work, "minio", peer) for work in WORKS for peer in ("s3dlio", "boto3")}
    assert all(each["cpu"] > 0 and each["wall"] > 0 and each["peak_mb"] > 0 for each in results["measurements"])
    assert {each["items"] for each in results["measurements"] if each["work"] == "list"} == {2000}
    page = (tmp_path / "out" / "performance.md").read_text()
    assert "nginx is missing" in page and "s3dlio (this library)" in page
    with Image.open(tmp_path / "out" / "performance.png") as chart:
        assert chart.format == "PNG"
    assert list((tmp_path / "data").iterdir()) == []  # what it made is gone

    # page and chart come out of the stored results again
    run(f"--render={tmp_path / 'out' / 'performance.json'}", f"--output={tmp_path / 'again'}")
    assert (tmp_path / "again" / "performance.md").read_text() == page


def test_the_drop_in_runs_beside_the_original(tmp_path: Path) -> None:
    works = ("drop-in-save", "drop-in-load")
    choices = [f"--works={name}" for name in works] + ["--peers=drop-in", "--peers=s3torchconnector"]
    places = ["--origins=minio", f"--memory={tmp_path / 'data'}", f"--output={tmp_path / 'out'}"]
    output = run("--quick", *choices, *places)

    assert "LEFT OUT" not in output
    results = json.loads((tmp_path / "out" / "performance.json").read_text())
    assert results["failures"] == []
    done = {(each["work"], each["peer"]): each["bytes"] for each in results["measurements"]}
    assert done == {(work, peer): 8 * (4 << 20) for work in works for peer in ("drop-in", "s3torchconnector")}
    assert "drop-in: torch.save of 2 GiB: " in output and "x the wall time" in output
    page = (tmp_path / "out" / "performance.md").read_text()
    assert "| torch.load of 2 GiB | MinIO |" in page


def test_an_unknown_name_is_refused() -> None:
    output = run("--quick", "--works=get-129k", status=2)
    assert "'get-129k' is none of get-128k, get-8m" in " ".join(output.split())
