"""Directories up and down: `upload` and `download`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from s3dlio._copies import Progress, copy_objects
from s3dlio._native import Client, Op, Stream, has_directories
from s3dlio._plans import positive
from s3dlio._trees import Paths, local_files, local_place, paths_below, require_distinct
from s3dlio.errors import AlreadyExistsError, InvalidError
from s3dlio.listing import Listing
from s3dlio.options import Options, for_client
from s3dlio.resolve import Place, check_uri, list_samples, locate

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from s3dlio.options import TransferOptions

__all__ = ["download", "upload"]


def upload(
    src_patterns: Paths | Iterable[Paths],
    dest_prefix: str,
    max_in_flight: int = 32,
    create_bucket: bool = False,
    *,
    progress: Progress | None = None,
    **options: Unpack[TransferOptions],
) -> list[str]:
    """Store local files below a prefix or directory of any scheme; returns their URIs.

    A file's key is `dest_prefix`, "/", and its path below what was asked for: of ``data/train`` or ``data/train/**``
    the file ``data/train/a/1.npz`` becomes ``a/1.npz``, and so does that of ``data/train/*/*.npz``. A file that is
    named itself keeps its last name. Links are followed.

    Args:
        src_patterns: a path, or several: files, directories (all that is below them), or globs, where ``**`` stands
            for any directories, and which match files only. ``direct:///path`` reads past the page cache.
        dest_prefix: such as ``s3://bucket/train``; a "/" at its end makes no difference.
        max_in_flight: requests under way at the same time.
        create_bucket: create the bucket (a directory, where there are any) unless it exists.
        progress: called with the files done, all files, and the bytes written so far, at least ten times a second.
        options: those of the client, ``part_size`` and ``memory_budget`` (docs/options.md).

    Raises:
        NotFoundError: a path or glob stands for no file.
        InvalidError: two files would get the same key; a wrong argument. Nothing has been stored.
        ChangedError: a file changed while it was read.
        S3DlioError: any other failure. Each object is whole or was not touched; those that are done stay.
    """
    chosen, client = _client(options)
    max_in_flight = positive("max_in_flight", max_in_flight)
    prefix = _prefix(dest_prefix)
    files = local_files(client, src_patterns)
    targets = [f"{prefix}/{file.key}" for file in files]
    require_distinct(files, targets)
    if create_bucket:
        _create_container(client, prefix + "/")
    sources = Listing.from_uris([file.uri for file in files], [file.size for file in files])
    copy_objects(client, sources, targets, chosen, max_in_flight=max_in_flight, progress=progress)
    return targets


def _prefix(uri: str) -> str:
    scheme, separator, place = check_uri(uri).partition("://")
    if not place:
        raise InvalidError(f"dest_prefix {uri!r} names no place: write {scheme}://bucket/prefix, or file:///directory")
    return scheme + separator + place.rstrip("/")


def _create_container(client: Client, uri: str) -> None:
    op = Op.MKDIR if has_directories(uri) else Op.CREATE_CONTAINER
    with Stream(client, op, Listing.from_uris([uri])) as stream:
        (item,) = stream.take()
    if item.error is not None and not isinstance(item.error, AlreadyExistsError):
        raise item.error


def download(
    src_uri: str,
    dest_dir: Paths,
    max_in_flight: int = 64,
    recursive: bool = True,
    *,
    progress: Progress | None = None,
    **options: Unpack[TransferOptions],
) -> list[str]:
    """Store what a URI stands for in a local directory, which is made where it is missing; returns the paths.

    What a URI stands for is as `create_dataset` has it: an object, all below a prefix, bucket or directory, or all
    that begins like it. Each file has the path below `dest_dir` that its key has below the prefix; a single object
    keeps its last name. Empty objects whose key ends in "/", which mark directories, are left out.

    Args:
        src_uri: of any scheme.
        dest_dir: a path; ``direct:///path`` writes past the page cache.
        max_in_flight: requests under way at the same time.
        recursive: also what lies deeper than one level below the prefix.
        progress: called with the files done, all files, and the bytes written so far, at least ten times a second.
        options: those of the client, ``part_size`` and ``memory_budget`` (docs/options.md).

    Raises:
        NotFoundError: nothing is there.
        InvalidError: a key cannot be a path below `dest_dir`, such as "../x" or "/x"; is both a file and a directory;
            or meets a symbolic link in `dest_dir`. Nothing has been written, as with a wrong argument.
        NotDirectoryError, IsDirectoryError: the other kind of file is there already. Nothing has been written.
        S3DlioError: any other failure. Each file is whole or was not touched; those that are done stay.
    """
    chosen, client = _client(options)
    max_in_flight = positive("max_in_flight", max_in_flight)
    scheme, directory = local_place("dest_dir", dest_dir)
    directory = os.path.abspath(directory)
    place = locate(client, check_uri(src_uri))
    found = list_samples(client, place, chosen.updated(recursive=recursive))
    uris = found.uris()
    base = _base(place)
    paths = paths_below(directory, uris, [uri[len(base) :] for uri in uris])
    targets = [scheme + path for path in paths]
    copy_objects(client, found, targets, chosen, max_in_flight=max_in_flight, progress=progress)
    return paths


def _base(place: Place) -> str:
    """What the URIs of a place begin with, and the paths of its files do not have."""
    return place.uri[: place.uri.rfind("/") + 1]


def _client(options: TransferOptions) -> tuple[Options, Client]:
    given: dict[str, Any] = {**options}
    chosen = for_client(given, "part_size", "memory_budget")
    return chosen, Client.get(chosen.client_config())
