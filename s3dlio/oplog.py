"""The op-log: a line for every operation at a store, in a zstd-compressed table (docs/guide/op-log.md).

A process that is forked from one that logs has a log of its own, which begins with its first operation and whose name
has the number of the process in it: ``ops.tsv.zst`` and ``ops.4711.tsv.zst``. A process that is spawned begins anew and
calls `init_op_log` itself, as in the ``worker_init_fn`` of a DataLoader.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from typing import Any

from s3dlio._native import library
from s3dlio._native import oplog as native
from s3dlio._native.library import Library, at_end, when_loaded
from s3dlio.errors import InvalidError, S3DlioError

__all__ = ["finalize_op_log", "init_op_log", "is_op_log_active", "op_log_stats"]

logger = logging.getLogger("s3dlio")

_path: str | None = None  # where this process logs to, or the one that it was forked from
_pid = 0  # the process that called init_op_log


def init_op_log(path: str | os.PathLike[str]) -> None:
    """Log every operation of this process to `path` from now on, on all schemes.

    The log gets that name when it is finished, by `finalize_op_log` or at the end of the program, in place of what is
    there; until then it is beside it, as ``{path}.{pid}.partial``. Calling this again with the same path does nothing.

    Raises:
        InvalidError: the path is no str, or another log is on.
        NotFoundError, PermissionDeniedError, IsDirectoryError, NoSpaceError: the file cannot be written there.
    """
    global _path, _pid
    chosen = os.fspath(path) if isinstance(path, (str, os.PathLike)) else path
    if not isinstance(chosen, str) or not chosen or "\0" in chosen:
        raise InvalidError(f"the path of an op-log must be a str such as 'ops.tsv.zst', not {path!r}", op="init_op_log")
    native.start(library(), os.path.abspath(chosen), _client_id(), own_name=False)
    _path, _pid = os.path.abspath(chosen), os.getpid()


def finalize_op_log() -> None:
    """Finish the log of this process: it has its name when this returns. Without a log this does nothing.

    Operations that are under way are not in it.

    Raises S3DlioError where it could not be written to its end, as on a full disk; what could be is still there.
    """
    global _path
    if _path is not None:
        _path = None
        native.finish(library())


def is_op_log_active() -> bool:
    """Tell whether operations are being logged."""
    return _path is not None


def op_log_stats() -> dict[str, Any]:
    """Tell what became of the operations: of the log that is on, else of the last one.

    Returns a dict: active; path, "" where there never was a log; partial, its name while it is being written; lines,
    the operations taken up; dropped, those that were not because the file could not be written or was finished
    already; waits, how often an operation had to wait for the file; in_flight, those begun and not ended; error, why
    the file could not be written. `partial` and `error` are absent where there is none.
    """
    return native.stats(library())


def _client_id() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


def _begin_in_child(loaded: Library) -> None:
    """In a process that was forked from one that logs: begin a log too."""
    if _path is None or _pid == os.getpid():
        return
    try:
        native.start(loaded, _path, _client_id(), own_name=True)
    except S3DlioError as error:
        logger.warning("this process goes without an op-log: %s", error)
        return
    if "multiprocessing.util" in sys.modules:  # its processes end without what atexit knows
        from multiprocessing.util import Finalize

        Finalize(None, _finish_at_end, args=(loaded,), exitpriority=-1000)


def _finish_at_end(loaded: Library) -> None:
    try:
        native.finish(loaded)
    except S3DlioError as error:
        logger.error("%s", error)


when_loaded.append(_begin_in_child)
at_end.append(_finish_at_end)
