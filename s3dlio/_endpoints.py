"""The endpoints of a multi-endpoint store: given one by one, as a template, in a file or in the environment."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from s3dlio._native import capabilities
from s3dlio.errors import InvalidError
from s3dlio.resolve import check_uri

__all__ = ["Endpoint", "expand", "from_environment", "from_file"]

_RANGE = re.compile(r"\{(\d+)\.\.\.(\d+)\}")
_MOST = 10_000  # endpoints of a template: beyond that it is a slip of the pen


@dataclass(frozen=True)
class Endpoint:
    """One place that has the data.

    Attributes:
        name: as the user wrote it.
        base: what the URIs of its objects begin with.
        options: how clients reach it.
    """

    name: str
    base: str
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: object) -> Endpoint:
        """Read ``http://host:9000`` (a service), ``s3://host:9000/bucket/`` (a bucket at one), or any other base URI.

        Raises:
            InvalidError: it is none of these.
            UnsupportedError: the scheme is not known.
        """
        if isinstance(text, str) and "@" in text.partition("://")[2].partition("/")[0]:
            raise InvalidError(
                "an endpoint holds a user name or a password. Give credentials by environment or profile, and the "
                "endpoint without them"
            )
        if isinstance(text, str) and text.startswith(("http://", "https://")):
            return cls(text, "s3://", {"endpoint_url": text})
        scheme, _, place = check_uri(text).partition("://")
        name = str(text)
        authority, slash, rest = place.partition("/")
        if ":" not in authority or not slash or not capabilities(name)["containers"]:
            return cls(name, f"{scheme}://{place}".rstrip("/") + "/")
        if not rest.strip("/"):
            raise InvalidError(f"endpoint {name} names no bucket: write {scheme}://host:port/bucket/", uri=name)
        return cls(name, f"{scheme}://{rest.rstrip('/')}/", {"endpoint_url": f"http://{authority}"})


def expand(template: object) -> list[str]:
    """The URIs of a template: ``{1...4}`` stands for each number, with leading zeros where its bounds have them.

    Raises InvalidError for a template without a range, or with one that runs backwards.
    """
    if not isinstance(template, str):
        raise InvalidError(f"template must be a str, not {type(template).__name__} ({template!r})")
    parts = _RANGE.split(template)
    if len(parts) == 1:
        raise InvalidError(f"template {template!r} has no range such as {{1...8}}")
    choices = [_numbers(template, *bounds) for bounds in zip(parts[1::3], parts[2::3], strict=True)]
    total = 1
    for numbers in choices:
        total *= len(numbers)
    if total > _MOST:
        raise InvalidError(f"template {template!r} stands for {total} endpoints; at most {_MOST} are allowed")
    fixed = parts[0::3]
    return [
        "".join(itertools.chain.from_iterable(zip(fixed, (*chosen, ""), strict=True)))
        for chosen in itertools.product(*choices)
    ]


def _numbers(template: str, first: str, last: str) -> list[str]:
    if int(first) > int(last):
        raise InvalidError(f"template {template!r}: the range {{{first}...{last}}} runs backwards")
    if int(last) - int(first) >= _MOST:
        raise InvalidError(f"template {template!r}: the range {{{first}...{last}}} is longer than {_MOST}")
    width = len(first) if first.startswith("0") else 0
    return [str(number).zfill(width) for number in range(int(first), int(last) + 1)]


def from_file(path: str | os.PathLike[str]) -> list[str]:
    """The URIs of a text file, one a line; empty lines and those that begin with ``#`` do not count.

    Raises:
        FileNotFoundError: there is no such file. Other failures to read it raise their OSError too.
        InvalidError: it names no endpoint, or is not text.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InvalidError(f"{path} is no text file: {error}") from error
    uris = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    if not uris:
        raise InvalidError(f"{path} names no endpoint: write one URI a line")
    return uris


def from_environment() -> tuple[list[str], str | None]:
    """The URIs of ``S3_ENDPOINT_URIS``, separated by commas or a template, and ``S3_LOAD_BALANCE_STRATEGY``.

    Raises InvalidError where the first is not set.
    """
    uris = [uri.strip() for uri in os.environ.get("S3_ENDPOINT_URIS", "").split(",") if uri.strip()]
    if not uris:
        raise InvalidError("S3_ENDPOINT_URIS is not set: give the URIs of the endpoints, separated by commas")
    expanded = [each for uri in uris for each in (expand(uri) if _RANGE.search(uri) else [uri])]
    return expanded, os.environ.get("S3_LOAD_BALANCE_STRATEGY") or None


def distinct(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """The endpoints, if there is at least one, of one scheme, and none twice; else InvalidError."""
    found = tuple(endpoints)
    if not found:
        raise InvalidError("uris must name at least one endpoint")
    places = [(each.base, tuple(each.options.items())) for each in found]
    for place, each in zip(places, found, strict=True):
        if places.count(place) > 1:
            raise InvalidError(f"endpoint {each.name} is given twice", uri=each.name)
        if each.base.partition("://")[0] != found[0].base.partition("://")[0]:
            raise InvalidError(f"endpoints must have one scheme, but there are {found[0].name} and {each.name}")
    return found
