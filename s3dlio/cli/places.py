"""What users name: URIs, or local paths, which stand for file:// URIs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from s3dlio._native import Client, Op, Stream, capabilities, has_directories, list_pages, page_of, schemes
from s3dlio.cli.options import parse_shared
from s3dlio.errors import NotFoundError, S3DlioError
from s3dlio.listing import Listing
from s3dlio.options import table

__all__ = ["PLACE", "exists", "is_container", "is_directory", "is_local", "join", "local_path", "name_of", "stat_many"]

COMPLETIONS = 200  # offered at once
_IMPATIENT = {"max_attempts": 1, "connect_timeout": 1.0, "request_timeout": 3.0}


class _PlaceType(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on
    """A URI, a local path, or "-" for standard input. Its value is a URI, or "-"."""

    name = "uri"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The URI."""
        text = str(value)
        if "://" in text or text == "-":
            return text
        if not text:
            self.fail("an empty URI", param, ctx)
        path = os.path.abspath(os.path.expanduser(text))
        return f"file://{path}{'/' if text.endswith('/') and path != '/' else ''}"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete schemes, buckets and names; a local path is completed by the shell."""
        if "://" not in incomplete:
            begun = incomplete.rstrip(":/")
            known = [f"{scheme}://" for scheme in schemes() if begun and scheme.startswith(begun)]
            return [CompletionItem(uri) for uri in known] or [CompletionItem(incomplete, type="file")]
        try:
            return [CompletionItem(uri) for uri in _below(incomplete, ctx.params)]
        except (
            S3DlioError,
            click.UsageError,
        ):  # a completion that cannot be had is none: the command itself will say why
            return []


PLACE = _PlaceType()


def _below(incomplete: str, given: Mapping[str, Any]) -> list[str]:
    """What begins with an incomplete URI, one level deep. Whoever waits for a completion does not wait for long."""
    options = parse_shared({name: value for name, value in given.items() if name in table()})
    client = Client.get({**options.client_config(), **_IMPATIENT})
    if (is_container(incomplete) and not incomplete.endswith("/")) or incomplete.endswith("://"):
        scheme = incomplete.partition("://")[0]
        with Stream(client, Op.LIST_CONTAINERS, Listing.from_uris([f"{scheme}://"])) as stream:
            found = [uri.rstrip("/") + "/" for item in stream.take() for uri in page_of(item, f"{scheme}://").uris()]
    else:
        prefix = incomplete[: incomplete.rindex("/") + 1] if is_local(incomplete) else incomplete
        found = next(list_pages(client, prefix), Listing.from_uris([])).uris()
    return [uri for uri in found if uri.startswith(incomplete)][:COMPLETIONS]


def is_local(uri: str) -> bool:
    """Whether the URI is a path of this machine, as in file:///data."""
    return bool(capabilities(uri).get("local"))


def is_directory(client: Client, uri: str) -> bool:
    """Whether there is such a directory; never on an object store."""
    if not has_directories(uri):
        return False
    (item,) = stat_many(client, [uri])
    return item.error is None and bool(json.loads(item.text)["is_dir"])


def is_container(uri: str) -> bool:
    """Whether the URI names a bucket, or with an empty name all of them, and no key."""
    return "/" not in uri.partition("://")[2].rstrip("/")


def local_path(uri: str) -> str:
    """The path of a local URI."""
    return uri.partition("://")[2]


def name_of(uri: str) -> str:
    """The last part of a URI: what a copy of it is called."""
    return uri.rstrip("/").rpartition("/")[2]


def join(directory: str, name: str) -> str:
    """The URI of what is called `name` in a directory or prefix."""
    return f"{directory.rstrip('/')}/{name}"


def stat_many(client: Client, uris: Sequence[str]) -> list[Any]:
    """The items of STAT for these URIs, in their order, with their errors."""
    found: list[Any] = []
    with Stream(client, Op.STAT, Listing.from_uris(uris)) as stream:
        while items := stream.take(1, 64):
            found += items
    return found


def exists(client: Client, uri: str) -> bool:
    """Whether there is such an object."""
    (item,) = stat_many(client, [uri])
    if isinstance(item.error, NotFoundError):
        return False
    if item.error is not None:
        raise item.error
    return True
