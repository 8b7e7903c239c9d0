"""The options that commands share, made from the table of s3dlio.options: written, typed and explained once."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import click

from s3dlio.errors import InvalidError
from s3dlio.options import Layer, Options, Row, table

__all__ = ["SIZE", "SharedOption", "parse_shared", "shared_options"]

# Of the options on how to fetch, those that make sense for a single command.
_FOR_COMMANDS = {"max_concurrent", "part_size", "memory_budget", "max_inflight_parts"}
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}
_UNITS["ti"] = 1 << 40


class _Size(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on
    """A number of bytes, such as 4096, 8MiB or 1.5GB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number of bytes."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?", str(value).strip().lower())
        if match is None:
            self.fail(f"{value!r} is no size; write bytes, or 64KiB, 8MiB, 1.5GB", param, ctx)
        return round(float(match[1]) * _UNITS[match[2] or ""])


SIZE = _Size()


class SharedOption(click.Option):
    """An option of the table; help shows it under a heading of its own."""

    def __init__(self, name: str, row: Row) -> None:
        self.heading = {"client": "Connection", "stream": "Transfer"}[row.about.layer]
        flag = f"--{name.replace('_', '-')}"
        kind, multiple = _click_type(name, row)
        switch = kind is None
        both = switch and types.NoneType in typing.get_args(row.kind)
        super().__init__(
            [f"{flag}/--no-{flag[2:]}" if both else flag, name],
            type=kind,
            is_flag=switch,
            multiple=multiple,
            default=None,
            help=_help(row),
        )


def shared_options(layers: Sequence[Layer]) -> list[SharedOption]:
    """The options of these layers, in the order of the table."""
    return [
        SharedOption(name, row)
        for name, row in table().items()
        if row.about.layer in layers and (row.about.layer == "client" or name in _FOR_COMMANDS)
    ]


def parse_shared(values: Mapping[str, Any]) -> Options:
    """What was given of them, checked."""
    given = {name: value for name, value in values.items() if value is not None and value != ()}
    try:
        return Options.parse(given)
    except InvalidError as error:
        raise click.UsageError(str(error)) from error


def _click_type(name: str, row: Row) -> tuple[Any, bool]:
    """The type for click, None for a switch; and whether the option may come several times."""
    kinds = [kind for kind in typing.get_args(row.kind) or (row.kind,) if kind is not types.NoneType]
    if typing.get_origin(row.kind) is Literal:
        return click.Choice(typing.get_args(row.kind)), False
    if typing.get_origin(row.kind) is Sequence:
        return str, True
    if kinds == [bool]:
        return None, False
    if kinds == [int] and ("Bytes" in row.about.help):
        return SIZE, False
    return kinds[0], False


def _help(row: Row) -> str:
    text = row.about.help.replace("`", "")
    default = row.default
    if default in (None, "", (), False):
        return text
    return f"{text} Default: {default}."
