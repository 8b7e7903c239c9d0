"""The command line, run in this process or in one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from s3dlio.cli.app import Command
from s3dlio.cli.commands import MODULES, s3dlio

ROOT = Path(__file__).parents[2]


def run(*arguments: str | Path, code: int = 0, answer: str = "") -> Result:
    """Runs a command, which must exit with `code`."""
    result = CliRunner().invoke(s3dlio, [str(argument) for argument in arguments], input=answer)
    assert result.exit_code == code, f"exit code {result.exit_code}, not {code}:\n{result.output}\n{result.exception!r}"
    return result


def run_json(*arguments: str | Path, code: int = 0) -> Any:
    """Runs a command with --json and reads what it says."""
    return json.loads(run(*arguments, "--json", code=code).stdout)


def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
    """Starts the command line as a process."""
    command = [sys.executable, "-m", "s3dlio", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def commands() -> Iterator[tuple[str, Command]]:
    """All commands."""
    for name in MODULES:
        command = s3dlio.get_command(None, name)  # type: ignore[arg-type]
        assert isinstance(command, Command)
        yield name, command


def examples() -> list[str]:
    """All examples of the help texts."""
    return [example for _, command in commands() for example in command.examples]
