"""python -m bench.client PEER < task.json: does the task once and prints what it took, as JSON."""

from __future__ import annotations

import gc
import importlib
import json
import mmap
import resource
import sys
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.data import content
from bench.task import Task

PIECE = 1 << 20  # bytes that a program writes at once
# calls that give object after object
ITEMS = (
    "objects", "whole", "files", "many_keys", "samples", "transformed", "bytes_loader", "reader_loader", "torch_load",
)  # fmt: skip


@dataclass
class Delivered:
    """What a peer handed over: how many objects and bytes, and the sum of their checksums."""

    items: int = 0
    bytes: int = 0
    checksum: int = 0


def take_objects(objects: Iterable[Any], task: Task) -> Delivered:
    """Take object after object."""
    found = Delivered()
    for data in objects:
        found.items += 1
        found.bytes += len(data)
        if task.verify:
            found.checksum += zlib.crc32(data)
    return found


def take_blocks(blocks: Iterable[Any], task: Task) -> Delivered:
    """Take one object that comes in blocks."""
    found = Delivered(items=1)
    for data in blocks:
        found.bytes += len(data)
        if task.verify:
            found.checksum = zlib.crc32(data, found.checksum)
    return found


def take_batches(batches: Iterable[Any], task: Task) -> Delivered:
    """Take the batches of a DataLoader: tensors of shape (samples, bytes)."""
    found = Delivered()
    for batch in batches:
        found.items += len(batch)
        found.bytes += batch.numel()
        if task.verify:
            found.checksum += sum(zlib.crc32(memoryview(row.numpy())) for row in batch)
    return found


def prepare(peer: ModuleType, task: Task) -> Callable[[], Delivered]:
    """The work as a function without arguments. What it needs is made here, outside the measurement."""
    call = getattr(peer, task.call)
    if task.call in ITEMS:
        return lambda: take_objects(call(task), task)
    if task.call == "file":
        return lambda: take_blocks(call(task), task)
    if task.call == "loader":
        return lambda: take_batches(call(task), task)
    if task.call == "reused":
        memory = used_memory(task.size)
        return lambda: (call(task, memory), take_objects([memory], task))[1]
    if task.call == "listing":
        return lambda: Delivered(items=call(task))
    if task.call == "dcp_load":
        checkpoints = importlib.import_module("bench.checkpoints")
        state = checkpoints.room(task)
        return lambda: (call(task, state), take_objects(checkpoints.raw(state), task))[1]
    stored = Delivered(task.count, task.count * task.size)
    if task.call == "torch_save":
        state = importlib.import_module("bench.checkpoints").filled(task.count, task.size)
        return lambda: (call(task, state), stored)[1]
    objects = [(key, content(number, task.size)) for number, key in enumerate(task.keys)]
    if task.call == "put":
        return lambda: (call(task, objects), stored)[1]
    key, data = objects[0]
    if task.call == "stream":
        pieces = [memoryview(data)[at : at + PIECE] for at in range(0, len(data), PIECE)]
        return lambda: (call(task, key, pieces), stored)[1]
    return lambda: (call(task, key, data), stored)[1]


def used_memory(size: int) -> memoryview:
    """Memory whose pages have all been touched."""
    memory = mmap.mmap(-1, size)
    for at in range(0, size, mmap.PAGESIZE):
        memory[at] = 1
    return memoryview(memory)


def cpu_seconds() -> float:
    """User and system time of this process and of its children that have ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def memory_mb(field: str) -> float:
    """A line of /proc/self/status in MB: VmRSS, or VmHWM, which is its peak since `forget_peak`."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.partition(f"{field}:")[2].split()[0]) * 1024 / 1e6


def forget_peak() -> None:
    """Let VmHWM begin anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def workers_peak_mb(task: Task) -> float:
    """The peak of the largest child, for each worker: an upper bound, since memory that they share counts for each."""
    return task.workers * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6


def measure(peer: ModuleType, task: Task) -> dict[str, Any]:
    """Do it once, after a warm-up that imports, loads and connects."""
    prepare(peer, task.warm_up())()
    work = prepare(peer, task)
    gc.collect()  # a full collection takes a tenth of a second where torch is loaded: not by chance in the midst of it
    forget_peak()
    start_mb, cpu, wall = memory_mb("VmRSS"), cpu_seconds(), time.perf_counter()
    delivered = work()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    peak_mb = memory_mb("VmHWM") + workers_peak_mb(task)
    return {"wall": wall, "cpu": cpu, "start_mb": start_mb, "peak_mb": peak_mb, **asdict(delivered)}


def main() -> None:
    """Read the task, do it, print the result."""
    task = Task.from_json(sys.stdin.read())
    peer = importlib.import_module(f"bench.client.{sys.argv[1]}")
    if hasattr(peer, "measure"):
        result = peer.measure(task)
    elif not hasattr(peer, task.call):
        result = {"absent": True}
    elif task.verify:
        result = asdict(prepare(peer, task)())
    else:
        result = measure(peer, task)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
