"""Small programs that tests run in processes of their own, because they fork, crash, exit or receive signals."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.support import environment

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "tests/contract/programs"
SECONDS = 240


def start(name: str, *arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Starts a program; what it writes is text."""
    command = [sys.executable, "-X", "faulthandler", "-W", "error", "-W", "ignore::DeprecationWarning"]
    return subprocess.Popen(
        [*command, PROGRAMS / f"{name}.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    """Waits for the end of a program, which must exit with `code`; returns what it printed."""
    try:
        printed, complaints = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        printed, complaints = process.communicate()
        raise AssertionError(f"the program hangs. It wrote:\n{printed}\n{complaints}") from None
    assert process.returncode == code, f"exit code {process.returncode}\n{printed}\n{complaints}"
    return printed


def run(name: str, *arguments: str | Path, env: dict[str, str] | None = None, code: int = 0) -> str:
    """Runs a program to its end, with the exit code `code`; returns what it printed."""
    return finish(start(name, *arguments, env=env), code)


@cache
def faults_library() -> dict[str, str]:
    """The environment in which programs load a library that also has fault:// (gosrc/internal/backend/faults).

    It checks every store of a pointer for Go memory that would get into the caller's (cgocheck2).
    """
    path = ROOT / ".cache/faults/libs3dlio.so"
    build = ["go", "build", "-tags", "faults", "-buildmode=c-shared", "-o", str(path), "./gosrc/capi"]
    checked = environment.ORIGINAL | {"GOEXPERIMENT": "cgocheck2"}
    result = subprocess.run(build, cwd=ROOT, env=checked, text=True, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
    return {"S3DLIO_LIBRARY": str(path)}
