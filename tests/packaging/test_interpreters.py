"""The wheel in a clean environment of every supported Python on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builds import ROOT, interpreters, new_environment, run

PINS: list[str | Path] = ["--constraint", ROOT / "requirements/dev.txt"]


@pytest.mark.parametrize("version", sorted(interpreters()))
def test_wheel_works(version: str, wheel: Path, tmp_path: Path) -> None:
    python = new_environment(tmp_path / "venv", interpreters()[version], packages=[wheel, "numpy", *PINS])
    script = Path(__file__).with_name("smoke.py")
    # Python 3.12 and later warn of every fork of a process with threads
    warnings = ["-W", "error", "-W", "ignore:This process:DeprecationWarning"]
    assert run(python, *warnings, script, cwd=tmp_path).stdout.split() == ["works", "1.0.0"]
