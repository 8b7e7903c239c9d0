"""Checking what users pass."""

from __future__ import annotations

from typing import Any

from s3dlio.errors import InvalidError

__all__ = ["check", "count"]


def check(step: object, epoch: object, framework: object) -> None:
    """What every shard and checkpoint has."""
    count("step", step)
    count("epoch", epoch)
    if not isinstance(framework, str):
        raise InvalidError(f"framework must be str, not {framework!r}", op="checkpoint")


def count(name: str, value: Any, least: int = 0) -> int:
    """An int, which may be one of numpy's."""
    number = value.__index__() if hasattr(value, "__index__") and not isinstance(value, bool) else None
    if number is None or number < least:
        raise InvalidError(f"{name} must be an int that is at least {least}, not {value!r}", op="checkpoint")
    return int(number)
