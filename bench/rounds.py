"""The runner: in each round every client does every work once, one after the other: all see the same machine."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import s3dlio
from bench.data import expected
from bench.origins import WRITES, Origin
from bench.peers import ROOT, Client
from bench.results import Measurement, Results
from bench.task import CHECKPOINT, Task
from bench.works import Work

__all__ = ["Combination", "Failed", "check", "combinations", "measure", "run_client"]

Say = Callable[[str], None]


class Failed(Exception):
    """A client did not do its work."""


@dataclass(frozen=True)
class Combination:
    """A work, and who does it."""

    work: Work
    client: Client

    def __str__(self) -> str:
        return f"{self.work.name} by {self.client.peer.name}"


def combinations(origin: Origin, clients: Sequence[Client]) -> list[Combination]:
    """All that may be measured; which clients can do which work is found out by `check`."""
    return [
        Combination(work, client)
        for work in origin.works
        for client in clients
        if origin.scheme in client.peer.schemes and (not work.peers or client.peer.name in work.peers)
    ]


def run_client(client: Client, task: Task, folder: Path, timeout: float) -> dict[str, Any]:
    """Start a client, give it the task, return what it says."""
    environment = {"HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true"} | client.environment | task.environment
    process = subprocess.Popen(
        client.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment, cwd=folder, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(task.to_json(), timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {timeout:g} s") from None
    finally:
        _end(process)
    if process.returncode:
        last = [line for line in err.strip().splitlines() if line.strip()][-1:]
        said = " ".join(last) or f"exit status {process.returncode}"
        raise Failed(said.replace(str(ROOT), ".").replace(str(folder), "."))
    answer: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return answer


def _end(process: subprocess.Popen[str]) -> None:
    """End the client and the workers it may have left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def check(each: Combination, origin: Origin, folder: Path, timeout: float) -> bool:
    """Let a client do its work once, untimed, and compare what it delivers; False: it does not do this work.

    Raises:
        Failed: it fails, or delivers other bytes.
    """
    work, peer = each.work, each.client.peer
    if peer.name == "fio":  # it hands over nothing, and does one thing
        return work.call == "file" and work.direct
    if work.memory_only:  # its data is of no interest
        return True
    task = replace(origin.place(work.task()), verify=True)
    if work.call in WRITES:
        origin.clear(work)
    answer = run_client(each.client, task, folder, timeout)
    if answer.get("absent"):
        return False
    found = (answer["items"], answer["bytes"], answer["checksum"])
    if work.call in WRITES:
        found = _saved(task) if work.call == "torch_save" else _stored(task)
        origin.clear(work)
        if peer.name == "go":  # it stores other bytes, as many of them
            return found[:2] == (work.count, work.count * work.size)
    if work.call == "listing":
        wanted = (work.count, 0, 0)
    else:
        wanted = (work.count, work.count * work.size, expected(work.count, work.size))
    if found != wanted:
        raise Failed(f"delivered (objects, bytes, checksum) {found} instead of {wanted}")
    return True


def _stored(task: Task) -> tuple[int, int, int]:
    """What is now where a client was to store it."""
    from bench.client.__main__ import take_objects

    found = take_objects(s3dlio.create_dataset(task.uri(task.prefix)), task)
    return found.items, found.bytes, found.checksum


def _saved(task: Task) -> tuple[int, int, int]:
    """The tensors that torch.save has stored: its format is a zip file with a member for each."""
    with zipfile.ZipFile(io.BytesIO(s3dlio.get(task.uri(task.prefix + CHECKPOINT)))) as file:
        names = [name for name in file.namelist() if "/data/" in name]
        found = [(len(data), zlib.crc32(data)) for data in map(file.read, names)]
    return len(found), sum(length for length, _ in found), sum(checksum for _, checksum in found)


def measure(
    todo: Sequence[Combination], origin: Origin, rounds: int, folder: Path, timeout: float, results: Results, say: Say
) -> None:
    """All rounds. Who comes first moves on from round to round."""
    groups = [list(group) for _, group in groupby(todo, lambda each: each.work)]
    for number in range(rounds):
        for each in chain.from_iterable(_rotated(group, number) for group in groups):
            if each.work.memory_only and number:
                continue  # memory does not depend on the moment
            say(f"{origin.name}, round {number + 1} of {rounds}: {each}")
            patience = timeout * (20 if each.work.memory_only else 1)
            task = origin.place(each.work.task())
            origin.warm(task)
            origin.sent()  # what was sent before does not count
            try:
                answer = run_client(each.client, task, folder, patience)
            except Failed as error:
                results.fail(each.work.name, origin.name, each.client.peer.name, str(error))
                continue
            finally:
                if each.work.call in WRITES:
                    origin.clear(each.work)  # the next one needs the room
            if each.work.call == "dcp_load":
                answer["fetched"] = origin.sent()
            results.measurements.append(
                Measurement(number, each.work.name, origin.name, each.client.peer.name, **answer)
            )


def _rotated(group: list[Combination], by: int) -> list[Combination]:
    first = by % len(group)
    return group[first:] + group[:first]
