"""Objects in the memory of the library, and what it holds of them."""

from __future__ import annotations

import gc
import itertools
import time

import s3dlio
from s3dlio._native import memory_stats

_numbers = itertools.count()
WAIT_SECONDS = 30.0


class MemBucket:
    """A bucket of mem://, which lives as long as the process."""

    def __init__(self) -> None:
        self.name = f"bucket-{next(_numbers)}"
        s3dlio.create_bucket(self.uri())

    def uri(self, key: str = "") -> str:
        """mem://bucket/key"""
        return f"mem://{self.name}/{key}"

    def put(self, key: str, data: bytes = b"") -> str:
        """Stores an object and returns its URI."""
        s3dlio.put(self.uri(key), data)
        return self.uri(key)


def held() -> int:
    """How many buffers Python owns."""
    return int(memory_stats()["held"])


def wait_until_idle() -> None:
    """Waits until the library holds nothing for anybody: no buffer, no stream, no writer."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        gc.collect()
        stats = memory_stats()
        if stats["held"] == stats["streams"] == stats["writers"] == stats["buffers"]["in_use"] == 0:
            return
        assert time.monotonic() < deadline, f"still in use: {stats}"
        time.sleep(0.01)
