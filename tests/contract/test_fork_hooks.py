"""What happens around a fork: O_DIRECT reads stand still, and whatever goes wrong, the fork goes on."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import s3dlio
from s3dlio._native import library
from s3dlio._native.library import _library_file, _Process, this_process


@pytest.fixture
def process() -> Iterator[_Process]:
    """A process that has a library which counts the calls made around a fork, and never gets quiet."""
    made = _Process(file=_library_file())
    calls: list[str] = []

    def prepare(_: int) -> int:
        calls.append("prepare")
        return 0

    functions = SimpleNamespace(s3d_fork_prepare=prepare, s3d_fork_resume=lambda: calls.append("resume"))
    made._library = SimpleNamespace(c=functions, calls=calls, leases=set(), closing=set())  # type: ignore[assignment]
    yield made
    if made._spare is not None:
        made._spare.close()


def calls_of(process: _Process) -> list[str]:
    recorded: Any = process.library()
    calls: list[str] = recorded.calls
    return calls


def can_lock(process: _Process) -> bool:
    """Whether another thread could have the lock."""
    got: list[bool] = []
    thread = threading.Thread(target=lambda: got.append(process.lock.acquire(timeout=0.01)))
    thread.start()
    thread.join()
    return got[0]


def test_no_o_direct_read_is_under_way_during_a_fork(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    (tmp_path / "key").write_bytes(content)
    uri = f"direct://{tmp_path}/key"
    assert s3dlio.get(uri) == content
    read: list[object] = []
    thread = threading.Thread(target=lambda: read.append(s3dlio.get(uri)))
    this_process().before_fork()
    try:
        thread.start()
        thread.join(0.5)
        assert not read
    finally:
        this_process().after_fork_in_parent()
    thread.join(60)
    assert read == [content]


def test_a_fork_that_cannot_wait_any_longer_goes_on(process: _Process, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="s3dlio"):
        process.before_fork()
    assert "O_DIRECT" in caplog.text
    assert calls_of(process) == ["prepare"]
    assert not can_lock(process)
    process.after_fork_in_parent()
    assert calls_of(process) == ["prepare", "resume"]
    assert can_lock(process)


def test_one_copy_serves_all_children(process: _Process) -> None:
    copies = set()
    for _ in range(3):
        process.before_fork()
        copies.add(process._spare)
        process.after_fork_in_parent()
    assert len(copies) == 1


def test_a_process_without_library_forks_at_no_cost() -> None:
    idle = _Process()
    idle.before_fork()
    assert idle._spare is None
    idle.after_fork_in_parent()
    assert can_lock(idle)


def test_an_interrupted_hook_does_not_break_the_next(process: _Process) -> None:
    process.after_fork_in_parent()
    assert calls_of(process) == []
    assert can_lock(process)


def test_children_begin_anew(process: _Process) -> None:
    process.before_fork()
    child = process.forked()
    assert child.lock.acquire(timeout=0.01)
    assert child is process.forked()  # whichever thread comes first
    assert child._library is None
    assert library() is this_process().library()
