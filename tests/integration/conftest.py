"""Places of every kind of store."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.samples import SERVICES, Remote, Store


@pytest.fixture(params=["file", "direct", "mem", *SERVICES])
def place(request: pytest.FixtureRequest, place_of: Callable[[str], Store]) -> Store:
    """An empty place of each kind."""
    return place_of(request.param)


@pytest.fixture(params=SERVICES)
def remote(request: pytest.FixtureRequest, place_of: Callable[[str], Remote]) -> Remote:
    """An empty place in each service."""
    return place_of(request.param)
