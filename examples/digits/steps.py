"""What is measured before anything is learned: writing, listing, random access and streaming, each through s3dlio."""

from __future__ import annotations

import asyncio
import itertools
import random

import s3dlio

from .record import Recorder

__all__ = ["list_objects", "read_at_random", "stream", "write"]

PART_OBJECTS = 256  # objects handed over at once, so that the bar moves
READING_SECONDS = 0.5  # a single pass over little data measures how it starts, not how it runs


def write(recorder: Recorder, target: str, prefix: str, content: str, files: dict[str, bytes]) -> None:
    """Upload with `put_many` what is not there yet. `files` has the content by the path below the prefix."""
    there = _existing(prefix)
    missing = [(prefix + name, data) for name, data in files.items() if prefix + name not in there]
    if not missing:
        recorder.note(target, "put_many", content, f"all {len(files):,} objects are there already")
        return
    with recorder.step(target, "put_many", content, len(missing)) as step:
        for start in range(0, len(missing), PART_OBJECTS):
            part = missing[start : start + PART_OBJECTS]
            s3dlio.put_many(part)
            step.add(sum(len(data) for _, data in part), len(part))


def _existing(prefix: str) -> set[str]:
    try:
        return set(s3dlio.list(prefix, recursive=True))
    except s3dlio.NotFoundError:
        return set()


def list_objects(recorder: Recorder, target: str, uri: str, content: str) -> s3dlio.PyDataset:
    """The dataset at a URI: making it lists what is there."""
    with recorder.step(target, "create_dataset", content) as step:
        dataset = s3dlio.create_dataset(uri)
        step.add(0, len(dataset))
    return dataset


def read_at_random(recorder: Recorder, target: str, dataset: s3dlio.PyDataset, content: str, seed: int) -> None:
    """Random access, one object after the other: what it takes to get one when nothing is fetched ahead."""
    choice = random.Random(seed)
    with recorder.step(target, "dataset[i]", content) as step:
        while step.seconds() < READING_SECONDS:
            step.add(len(dataset[choice.randrange(len(dataset))]))


def stream(recorder: Recorder, target: str, uri: str, content: str, options: s3dlio.LoaderOptions) -> None:
    """All objects through an async loader, in batches, pass after pass, each in an order of its own."""

    async def read() -> None:
        with recorder.step(target, "async for", content) as step:
            async with s3dlio.create_async_loader(uri, options) as loader:
                for epoch in itertools.count():
                    loader.set_epoch(epoch)
                    async for batch in loader:
                        step.add(sum(map(len, batch)), len(batch))
                    if step.seconds() > READING_SECONDS:
                        break

    asyncio.run(read())
