"""The threads of peers whose calls wait: as many for each of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

__all__ = ["THREADS", "pool"]

THREADS = 16


@cache
def pool() -> ThreadPoolExecutor:
    """The threads of this process."""
    return ThreadPoolExecutor(THREADS)
