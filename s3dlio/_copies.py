"""Copying many objects, from any scheme to any other: what `upload`, `download` and the command line do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from s3dlio._native import Client, Op, Stream, StreamOptions
from s3dlio.listing import Listing
from s3dlio.options import Options

__all__ = ["Progress", "copy_objects"]

Progress: TypeAlias = Callable[[int, int, int], object]
"""Called with the objects that are done, all objects, and the bytes written so far."""

TAKEN = 64  # at once
PROGRESS_MS = 100  # between two reports, unless objects are done


def copy_objects(
    client: Client,
    sources: Listing,
    targets: Sequence[str],
    options: Options,
    *,
    max_in_flight: int,
    progress: Progress | None = None,
) -> list[int]:
    """Store each source at its target; returns their sizes in bytes, in the order given.

    Each target is whole or untouched, and all its bytes are of one version of its source.

    Raises the first error that occurs, and stops the copies under way then: their targets are untouched.
    """
    report = progress or (lambda _done, _total, _bytes: None)
    sizes, done, moved = [0] * len(targets), 0, 0
    how = StreamOptions(
        ordered=False,
        max_concurrent=max_in_flight,
        part_size=options.part_size,
        memory_budget=options.memory_budget,
    )
    report(0, len(targets), 0)
    with Stream(client, Op.COPY, sources, targets=Listing.from_uris(targets), options=how) as stream:
        while not stream.finished:
            for item in stream.take_ready(TAKEN, PROGRESS_MS):
                if item.error is not None:
                    raise item.error
                sizes[item.index] = item.size
                done += 1
            moved = sum(sizes) if stream.finished else max(moved, stream.moved)
            report(done, len(targets), moved)
    return sizes
