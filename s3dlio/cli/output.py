"""How results are written: sizes, times, JSON."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import click

from s3dlio.cli.codes import code_of
from s3dlio.errors import S3DlioError

__all__ = ["echo_json", "failure_json", "plural", "rate", "size_text", "time_text"]

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def size_text(size: float, human: bool = True) -> str:
    """A number of bytes, for people: "1.5 MiB", or all digits."""
    if not human:
        return str(round(size))
    step = 0
    while abs(size) >= 1023.95 and step < len(_UNITS) - 1:
        size /= 1024
        step += 1
    return f"{size:.0f} {_UNITS[0]}" if step == 0 else f"{size:.1f} {_UNITS[step]}"


def rate(size: float, seconds: float) -> str:
    """Bytes per second, in the units of networks and disks: "1.25 GB/s"."""
    speed = size / max(seconds, 1e-9)
    for unit, factor in (("GB/s", 1e9), ("MB/s", 1e6)):
        if speed >= factor:
            return f"{speed / factor:.2f} {unit}"
    return f"{speed / 1e3:.2f} kB/s"


def time_text(mtime_ns: int | None) -> str:
    """A time in ISO 8601, UTC, to the second; "-" where it is not known."""
    if not mtime_ns:
        return "-"
    return datetime.fromtimestamp(mtime_ns // 10**9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def plural(count: int, noun: str) -> str:
    """`1 object`, `2 objects`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def echo_json(value: Any) -> None:
    """Write one line of JSON. What of a name is no UTF-8 is escaped as Python does it."""
    click.echo(json.dumps(value))


def failure_json(uri: str, error: S3DlioError) -> dict[str, Any]:
    """A failure, for machines."""
    return {"uri": uri, "error": type(error).__name__, "exit_code": int(code_of(error)), "message": str(error)}
