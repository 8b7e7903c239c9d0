"""What the test suite of s3torchconnector needs to run on MinIO, and without the internet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TEXT = "".join(f"the {word} of word {word % 97} is not word {word % 89} \n" for word in range(2_000))


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Iterator[None]:
    """The checkpoint tests put a slash behind a prefix that ends in one; Amazon takes such keys, MinIO refuses them."""
    outcome = yield
    if fixturedef.argname == "checkpoint_directory" and request.path.name == "test_e2e_s3checkpoint.py":
        directory = outcome.get_result()  # type: ignore[attr-defined]
        directory.prefix = directory.prefix.rstrip("/")


def pytest_collection_finish() -> None:
    """The text that Lightning's demonstration learns is not fetched from GitHub: any other will do."""
    demonstration: Any = sys.modules.get("lightning.pytorch.demos.transformer")
    if demonstration is not None:
        demonstration.WikiText2.download = staticmethod(_write_text)


def _write_text(destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.write_text(TEXT)
