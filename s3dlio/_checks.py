"""Checking values against type hints: what `s3dlio.options` needs, and no more."""

from __future__ import annotations

import operator
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from s3dlio.errors import InvalidError

__all__ = ["check_range", "convert", "suggestion", "type_text"]

MOST = (1 << 63) - 1  # of what goes to the library; a seed may be any int


def convert(name: str, hint: Any, value: object) -> object:
    """The value in its own type (of a union the first that takes it); InvalidError if there is none."""
    for kind in _kinds(hint):
        converted = _as_kind(kind, value)
        if converted is not None:
            return converted
    raise InvalidError(f"option {name} must be {type_text(hint)}, not {value!r} ({type(value).__name__})")


def check_range(name: str, value: Any, least: float | None, above: float | None) -> None:
    """InvalidError unless the value is >= `least` and > `above`, where these are given; with a least also <= MOST."""
    if least is not None and not value >= least:
        raise InvalidError(f"option {name} must be at least {least}, not {value}")
    if least is not None and isinstance(value, int) and value > MOST:
        raise InvalidError(f"option {name} must be at most {MOST}, not {value}")
    if above is not None and not value > above:
        raise InvalidError(f"option {name} must be greater than {above}, not {value}")


def suggestion(name: object, known: Iterable[str]) -> str:
    """What to do about an unknown name."""
    from difflib import get_close_matches  # only a mistake pays for it

    names = list(known)
    near = get_close_matches(str(name).lower(), names, n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else f"The options are {', '.join(names)}"


def type_text(hint: Any) -> str:
    """A type for people to read; None goes without saying."""
    return " or ".join(_kind_text(kind) for kind in _kinds(hint))


def _kinds(hint: Any) -> tuple[Any, ...]:
    members = typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    return tuple(m for m in members if m is not types.NoneType)


def _as_kind(kind: Any, value: Any) -> object:
    """The value as that kind, or None. A bool is no number; numpy's integers are integers."""
    origin = typing.get_origin(kind) or kind
    if origin is Literal:
        return value if value in typing.get_args(kind) else None
    if origin is Sequence:
        texts = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
        return tuple(value) if texts and all(isinstance(v, str) for v in value) else None
    if origin is Mapping:
        texts = isinstance(value, Mapping) and all(isinstance(text, str) for pair in value.items() for text in pair)
        return dict(value) if texts else None
    if origin is int:
        return operator.index(value) if hasattr(value, "__index__") and not isinstance(value, bool) else None
    if origin is float:
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    return value if isinstance(value, origin) else None


def _kind_text(kind: Any) -> str:
    origin = typing.get_origin(kind) or kind
    if origin is Literal:
        return " or ".join(map(repr, typing.get_args(kind)))
    names = {float: "number", Sequence: "list of str", Mapping: "dict of str to str", re.Pattern: "re.Pattern"}
    return names.get(origin) or str(origin.__name__)
