"""The wheel and the sdist, each built once for all tests here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builds import copy_sources, run, uv


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree as a clone would have it."""
    return copy_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="session")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built in isolation: nothing but the build requirements is there."""
    out = tmp_path_factory.mktemp("wheel")
    run(uv(), "build", "--wheel", "--out-dir", out, sources, cwd=out)
    return _only(out, "*.whl")


@pytest.fixture(scope="session")
def sdist(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution."""
    out = tmp_path_factory.mktemp("sdist")
    run(uv(), "build", "--sdist", "--out-dir", out, sources, cwd=out)
    return _only(out, "*.tar.gz")


def _only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found
