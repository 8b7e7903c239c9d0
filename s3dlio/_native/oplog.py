"""The op-log as the library has it."""

from __future__ import annotations

import json
import os
from typing import Any

from s3dlio._native.header import ffi
from s3dlio._native.library import Library

FINISH_TIMEOUT = 60.0  # seconds that the last lines may take to be written


def start(loaded: Library, path: str, client_id: str, own_name: bool) -> None:
    """Begin to log to `path`, with the number of the process in its name where `own_name` is true."""
    name, name_owner = _text(os.fsencode(path))
    client, client_owner = _text(client_id.encode("utf-8", "surrogateescape"))
    error = ffi().new("s3d_text *")
    loaded.check(loaded.c.s3d_oplog_start(name[0], client[0], own_name, error), error)
    del name_owner, client_owner


def finish(loaded: Library) -> None:
    """Write the last lines, and give the log its name."""
    error = ffi().new("s3d_text *")
    loaded.check(loaded.c.s3d_oplog_finish(round(FINISH_TIMEOUT * 1000), error), error)


def stats(loaded: Library) -> dict[str, Any]:
    """The fields of Stats in gosrc/internal/oplog."""
    found: dict[str, Any] = json.loads(loaded.text(loaded.c.s3d_oplog_stats()))
    return found


def _text(data: bytes) -> tuple[Any, Any]:
    """An s3d_str, and what it points to."""
    owner = ffi().from_buffer(data)
    return ffi().new("s3d_str *", {"ptr": owner, "len": len(data)}), owner
