"""Ctrl-C, the end of the program and panics, while the library works."""

from __future__ import annotations

import signal
import time

import pytest

from tests.support import programs


@pytest.mark.parametrize("how", ["get", "get_many", "iterate", "into_memory", "in_asyncio"])
def test_ctrl_c_ends_a_read_that_would_not_end(how: str) -> None:
    process = programs.start("ctrl_c", how, env=programs.faults_library())
    assert process.stdout is not None
    assert process.stdout.readline() == "reading\n"
    time.sleep(0.5)  # until it is inside the library
    process.send_signal(signal.SIGINT)
    assert programs.finish(process) == "interrupted\n"


def test_memory_is_kept_for_as_long_as_the_library_writes_to_it() -> None:
    assert programs.run("stubborn_read", env=programs.faults_library()) == "ok\n"


@pytest.mark.parametrize("patience", ["5", "0"])
def test_the_end_of_the_program_frees_no_memory_that_the_library_writes_to(patience: str) -> None:
    assert programs.run("exit_while_reading", patience, env=programs.faults_library(), code=1) == "reading\n"


@pytest.mark.parametrize("how", ["", "fork"])
def test_a_program_ends_quietly_with_everything_alive(how: str) -> None:
    process = programs.start("exit_with_everything_alive", how)
    _, complaints = process.communicate(timeout=programs.SECONDS)
    assert (process.returncode, complaints) == (0, "")


def test_interrupts_lose_no_item_and_repeat_none() -> None:
    assert programs.run("interrupted_takes").startswith("ok")


def test_a_panic_is_an_exception() -> None:
    assert programs.run("panic", env=programs.faults_library()) == "ok\n"
