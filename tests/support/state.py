"""What the library has under way in this process."""

from __future__ import annotations

import gc
import time

from s3dlio._native import memory_stats

WAIT_SECONDS = 30.0


def live_streams() -> int:
    """How many streams there are, once the number has come to rest: a closed one takes a moment to leave."""
    gc.collect()
    deadline = time.monotonic() + WAIT_SECONDS
    seen = [int(memory_stats()["streams"])]
    while len(seen) < 5 or len(set(seen[-5:])) > 1:
        assert time.monotonic() < deadline, f"the number of streams does not come to rest: {seen}"
        time.sleep(0.02)
        seen.append(int(memory_stats()["streams"]))
    return seen[-1]
