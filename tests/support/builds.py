"""Building and installing the package as a user would, away from the environment that runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.support import environment

ROOT = Path(__file__).parents[2]
VERSIONS = ["3.10", "3.11", "3.12", "3.13"]
RUN_SECONDS = 280


def run(
    *command: str | Path, cwd: Path, env: dict[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Runs a command with the machine's own environment, changed by `env`; its output is text."""
    dropped = ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    clean = {name: value for name, value in environment.ORIGINAL.items() if name not in dropped}
    result = subprocess.run(
        command, cwd=cwd, env=clean | (env or {}), text=True, capture_output=True, timeout=RUN_SECONDS, check=False
    )
    if check and result.returncode != 0:
        output = f"{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
        raise RuntimeError(f"{' '.join(map(str, command))} failed with {result.returncode}:\n{output}")
    return result


def uv() -> Path:
    """The uv that `make` has put beside the interpreter of the tests."""
    return Path(sys.executable).with_name("uv")


def copy_sources(target: Path) -> Path:
    """Copies what version control has, as it is in the working tree now: what a clone would contain."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    return target


def new_environment(folder: Path, python: str | Path = sys.executable, packages: Sequence[str | Path] = ()) -> Path:
    """Makes a virtual environment with these packages and nothing else; returns its interpreter."""
    run(uv(), "venv", "--quiet", "--python", python, folder, cwd=folder.parent)
    interpreter = folder / "bin" / "python"
    if packages:
        run(uv(), "pip", "install", "--quiet", "--python", interpreter, *packages, cwd=folder.parent)
    return interpreter


@cache
def interpreters() -> dict[str, Path]:
    """Every CPython of a supported version on this machine: by PATH, pyenv or uv."""
    home = Path(environment.ORIGINAL.get("HOME", "/"))
    pyenv = Path(environment.ORIGINAL.get("PYENV_ROOT", home / ".pyenv"))
    found = {".".join(map(str, sys.version_info[:2])): Path(sys.executable)}
    for version in VERSIONS:
        name = f"python{version}"
        candidates = [Path(folder) / name for folder in environment.ORIGINAL["PATH"].split(os.pathsep)]
        candidates += sorted(pyenv.glob(f"versions/*/bin/{name}"))
        candidates += sorted(home.glob(f".local/share/uv/python/*/bin/{name}"))
        for candidate in candidates:
            if version not in found and candidate.exists() and _answers(candidate, version):
                found[version] = candidate
    return found


def _answers(candidate: Path, version: str) -> bool:
    """A shim may exist for a version that is not installed."""
    question = "import sys; print(sys.implementation.name, *sys.version_info[:2])"
    answer = run(candidate, "-c", question, cwd=ROOT, check=False)
    return answer.stdout.split() == ["cpython", *version.split(".")]
