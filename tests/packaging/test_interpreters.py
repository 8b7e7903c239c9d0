"""The wheel in a clean environment of every supported Python on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builds import ROOT, interpreters, new_environment, run

PROGRAM = """
import multiprocessing, subprocess, sys

WHICH = "import s3torchconnectorclient as client; print(client.__name__, client.__file__, flush=True)"

def which():
    exec(WHICH)

if __name__ == "__main__":
    which()
    process = multiprocessing.get_context("spawn").Process(target=which)
    process.start()
    process.join()
    subprocess.run([sys.executable, "-c", WHICH], check=True)
"""
PINS: list[str | Path] = ["--constraint", ROOT / "requirements/dev.txt"]


@pytest.mark.parametrize("version", sorted(interpreters()))
def test_wheel_works(version: str, wheel: Path, tmp_path: Path) -> None:
    python = new_environment(tmp_path / "venv", interpreters()[version], packages=[wheel, "numpy", *PINS])
    script = Path(__file__).with_name("smoke.py")
    # Python 3.12 and later warn of every fork of a process with threads
    warnings = ["-W", "error", "-W", "ignore:This process:DeprecationWarning"]
    assert run(python, *warnings, script, cwd=tmp_path).stdout.split() == ["works", "1.0.0"]


def test_the_redirect_of_the_wheel_reaches_children(wheel: Path, tmp_path: Path) -> None:
    """Its sitecustomize.py is in the wheel, and finds the package that it belongs to."""
    python = new_environment(tmp_path / "venv", packages=[wheel, *PINS])
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    lines = run(python, "-W", "error", "-m", "s3dlio.compat.s3torchconnector", script, cwd=tmp_path).stdout.splitlines()
    folder = str(tmp_path / "venv")
    assert len(lines) == 3
    assert all(line.startswith(f"s3dlio.compat.s3torchconnectorclient {folder}") for line in lines)
