"""What a URI stands for, and the samples there.

A URI that ends in '/', a bucket or a local directory stands for everything below it. Any other stands for the object
or file of exactly that name, else for what lies below it taken as a directory, else, on object stores, for every key
that begins with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from s3dlio._native import Client, Op, Stream, list_pages, schemes
from s3dlio.errors import InvalidError, NotDirectoryError, NotFoundError, UnsupportedError
from s3dlio.listing import Listing
from s3dlio.options import Options

__all__ = ["Place", "check_uri", "list_samples", "locate", "require_samples"]


@dataclass(frozen=True)
class Place:
    """Where samples are: one object of `size` bytes, or (size None) whatever begins with `uri`."""

    uri: str
    size: int | None = None


def check_uri(uri: object) -> str:
    """The URI, if its form and its scheme are right. No request is made.

    Raises:
        InvalidError: it is no str, or has no scheme.
        UnsupportedError: the scheme is not known.
    """
    if not isinstance(uri, str):
        raise InvalidError(f"a URI must be a str such as 's3://bucket/data/', not {type(uri).__name__} ({uri!r})")
    scheme, separator, _ = uri.partition("://")
    if not separator or not scheme:
        hint = f"For a local path write file://{uri}" if uri.startswith("/") else "Give scheme://bucket/key"
        raise InvalidError(f"malformed URI {uri!r}: no scheme. {hint}", uri=uri)
    known = schemes()
    if scheme.lower() not in known:
        names = ", ".join(f"{name}://" for name in known)
        raise UnsupportedError(f"{uri}: unsupported scheme {scheme!r}. Known are {names}", uri=uri)
    return uri


def locate(client: Client, uri: str) -> Place:
    """Ask the store what the URI stands for.

    Raises:
        NotFoundError: nothing is there.
    """
    if uri.endswith("/"):
        return Place(uri)
    if "/" not in uri.partition("://")[2]:  # a bucket
        return Place(uri + "/")
    try:
        found = _stat(client, uri)
    except NotFoundError as missing:
        for prefix in (uri + "/", uri):
            if _begins_something(client, prefix):
                return Place(prefix)
        raise missing
    return Place(uri + "/") if found.get("is_dir") else Place(uri, found["size"])


def _begins_something(client: Client, prefix: str) -> bool:
    try:
        return next(list_pages(client, prefix, recursive=True), None) is not None
    except NotDirectoryError:  # a local path that leads through a file
        return False


def _stat(client: Client, uri: str) -> dict[str, Any]:
    with Stream(client, Op.STAT, Listing.from_uris([uri])) as stream:
        (item,) = stream.take()
    if item.error is not None:
        raise item.error
    found: dict[str, Any] = json.loads(item.text)
    return found


def list_samples(client: Client, place: Place, options: Options) -> Listing:
    """All samples of a place: objects and files, not directories nor the empty objects that mark them.

    Raises:
        NotFoundError: there are none, or none that matches ``pattern``.
    """
    if place.size is not None and options.pattern is None:
        return Listing.from_uris([place.uri], [place.size])
    samples = Listing.joined(list(_sample_pages(client, place, options)))
    if not len(samples):
        raise _nothing_at(place, options)
    return samples


def require_samples(client: Client, place: Place, options: Options) -> None:
    """Raise NotFoundError as `list_samples` does, but list no further than the first sample."""
    if next(_sample_pages(client, place, options), None) is None:
        raise _nothing_at(place, options)


def _nothing_at(place: Place, options: Options) -> NotFoundError:
    if options.pattern is None:
        reason = "no object or file lies there"
    else:
        reason = f"nothing there matches pattern {getattr(options.pattern, 'pattern', options.pattern)!r}"
    return NotFoundError(
        f"list {place.uri}: not found: {reason}. Check the URI and the options", op="list", uri=place.uri
    )


def _sample_pages(client: Client, place: Place, options: Options) -> Iterator[Listing]:
    """The pages of the listing, without what is no sample; none is empty."""
    for page in list_pages(client, place.uri, options.recursive, options.pattern):
        kept = [
            i
            for i, uri in enumerate(page.uris())
            if not (uri.endswith("/") and page.sizes[i] <= 0) and (place.size is None or uri == place.uri)
        ]
        if kept:
            yield page if len(kept) == len(page) else page.select(kept)
