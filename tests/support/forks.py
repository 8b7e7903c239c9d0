"""Forking in test programs: a child that fails or hangs fails its parent."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import traceback
from collections.abc import Callable

HANGS_AFTER = 100  # seconds; then the child says where it is, and dies

libc = ctypes.PyDLL(None)
faulthandler.register(signal.SIGALRM, chain=True)


def c_fork() -> int:
    """fork() as a C library calls it: the hooks of Python do not run."""
    return int(libc.fork())


def start(work: Callable[[], object], fork: Callable[[], int] = os.fork) -> int:
    """Runs `work` in a forked child and returns its process id."""
    pid = fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(HANGS_AFTER)
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - whatever it is, it must not unwind into the parent's code
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def join(pid: int) -> None:
    """Waits for a child, which must have succeeded."""
    status = os.waitpid(pid, 0)[1]
    assert status == 0, f"child {pid} ended with status {status}"


def in_child(work: Callable[[], object], fork: Callable[[], int] = os.fork) -> None:
    """Runs `work` in a forked child, which must succeed."""
    join(start(work, fork))
