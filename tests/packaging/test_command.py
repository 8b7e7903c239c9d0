"""The command that the wheel installs, with and without its extra."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.builds import ROOT, new_environment, run, uv


def test_the_installed_command(wheel: Path, tmp_path: Path) -> None:
    pins: list[str | Path] = ["--constraint", ROOT / "requirements/dev.txt"]
    python = new_environment(tmp_path / "venv", sys.executable, packages=[f"{wheel}[cli]", *pins])
    command = python.with_name("s3dlio")
    (tmp_path / "file").write_bytes(b"1")
    assert run(command, "ls", "file", cwd=tmp_path).stdout == f"file://{tmp_path}/file\n"
    assert run(command, "--version", cwd=tmp_path).stdout == "s3dlio, version 1.0.0\n"
    run(uv(), "pip", "uninstall", "--quiet", "--python", python, "rich", cwd=tmp_path)
    done = subprocess.run([command, "ls", "file"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "s3dlio: the command line needs rich: pip install 's3dlio[cli]'\n"
