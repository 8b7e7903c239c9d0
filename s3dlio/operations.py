"""The function API: read, write, list and delete objects by URI.

URIs are ``scheme://bucket/key``, or ``scheme:///path`` for local files, and are taken as they stand: nothing is
percent-decoded. Each function works for every scheme; `name_async` is `name` for asyncio, and cancelling it stops its
requests. Credentials and endpoints come from the environment as it is at the call (docs/guide), or from the options of
docs/options.md under "Whom to talk to", which every function takes as keywords.

All functions raise s3dlio.errors.S3DlioError: InvalidError for a malformed URI or argument, UnsupportedError for a
scheme that is not known, NotFoundError, PermissionDeniedError, ConnectionFailedError and so on for what the store
answers. What else they raise is said at each.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from s3dlio import _plans as plans
from s3dlio._native import Op, capabilities
from s3dlio._plans import Pattern, run, run_async
from s3dlio.resolve import check_uri
from s3dlio.views import BytesView

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack

    from s3dlio.options import ClientOptions

__all__ = [
    "create_bucket",
    "delete",
    "delete_async",
    "delete_bucket",
    "exists",
    "exists_async",
    "get",
    "get_async",
    "get_many",
    "get_many_async",
    "get_many_stats",
    "get_many_stats_async",
    "get_range",
    "get_range_async",
    "list",
    "list_async",
    "list_containers",
    "mkdir",
    "mkdir_async",
    "object_capabilities",
    "put_async",
    "put_bytes",
    "put_bytes_async",
    "put_many",
    "put_many_async",
    "stat",
    "stat_async",
    "stat_many",
    "stat_many_async",
]


def get(uri: str, **options: Unpack[ClientOptions]) -> BytesView:
    """Read a whole object; a large one in several concurrent requests."""
    return run(options, plans.get, uri, 0, None)


async def get_async(uri: str, **options: Unpack[ClientOptions]) -> BytesView:
    """`get` for asyncio."""
    return await run_async(options, plans.get, uri, 0, None)


def get_range(uri: str, offset: int, length: int | None = None, **options: Unpack[ClientOptions]) -> BytesView:
    """Read `length` bytes from `offset` on, both in bytes; fewer where the object ends before. None: to its end.

    Raises OutOfRangeError where `offset` lies beyond the end; at the end itself there are 0 bytes.
    """
    return run(options, plans.get, uri, offset, length)


async def get_range_async(
    uri: str, offset: int, length: int | None = None, **options: Unpack[ClientOptions]
) -> BytesView:
    """`get_range` for asyncio."""
    return await run_async(options, plans.get, uri, offset, length)


def get_many(
    uris: Iterable[str], max_in_flight: int = 64, **options: Unpack[ClientOptions]
) -> builtins.list[tuple[str, BytesView]]:
    """Read many objects, `max_in_flight` requests at a time. Returns (uri, data) in the order given.

    Raises the error of the first object, in that order, that cannot be read.
    """
    return run(options, plans.get_many, uris, max_in_flight)


async def get_many_async(
    uris: Iterable[str], max_in_flight: int = 64, **options: Unpack[ClientOptions]
) -> builtins.list[tuple[str, BytesView]]:
    """`get_many` for asyncio."""
    return await run_async(options, plans.get_many, uris, max_in_flight)


def get_many_stats(uris: Iterable[str], max_in_flight: int = 64, **options: Unpack[ClientOptions]) -> tuple[int, int]:
    """Read many objects as `get_many` does, and keep none. Returns their number and their size together, in bytes."""
    return run(options, plans.get_many_stats, uris, max_in_flight)


async def get_many_stats_async(
    uris: Iterable[str], max_in_flight: int = 64, **options: Unpack[ClientOptions]
) -> tuple[int, int]:
    """`get_many_stats` for asyncio."""
    return await run_async(options, plans.get_many_stats, uris, max_in_flight)


def put_bytes(uri: str, data: Buffer, **options: Unpack[ClientOptions]) -> None:
    """Store a bytes-like object under `uri`, in place of what is there.

    Readers see the old object until the new one is whole. A large one is uploaded in concurrent parts.
    """
    run(options, plans.put, uri, data)


async def put_bytes_async(uri: str, data: Buffer, **options: Unpack[ClientOptions]) -> None:
    """`put_bytes` for asyncio; `data` must not change until it returns."""
    await run_async(options, plans.put, uri, data)


async def put_async(uri: str, data: Buffer, **options: Unpack[ClientOptions]) -> None:
    """`put` for asyncio; `data` must not change until it returns."""
    await run_async(options, plans.put, uri, data)


def put_many(objects: Iterable[tuple[str, Buffer]], max_in_flight: int = 64, **options: Unpack[ClientOptions]) -> None:
    """Store many objects, given as (uri, data), `max_in_flight` requests at a time.

    Raises the error of the first object, in the order given, that cannot be stored; some of the others may be.
    """
    run(options, plans.put_many, objects, max_in_flight)


async def put_many_async(
    objects: Iterable[tuple[str, Buffer]], max_in_flight: int = 64, **options: Unpack[ClientOptions]
) -> None:
    """`put_many` for asyncio; the data must not change until it returns."""
    await run_async(options, plans.put_many, objects, max_in_flight)


def list(
    uri: str, recursive: bool = False, pattern: Pattern = None, **options: Unpack[ClientOptions]
) -> builtins.list[str]:
    """Return the URIs of what lies at a prefix, directory or file, in the order of the store.

    Args:
        uri: on object stores all keys that begin like it are listed; a local one is a directory or a file.
        recursive: also what lies deeper; else a URI with a trailing "/" stands for each directory or common prefix.
        pattern: a glob, compared with the name, or where it has a "/" with the path below the prefix; or a compiled
            regular expression, searched for in that path.

    Raises NotFoundError for a missing bucket or directory; a prefix without objects is an empty list.
    """
    return run(options, plans.list_uris, uri, recursive, pattern)


async def list_async(
    uri: str, recursive: bool = False, pattern: Pattern = None, **options: Unpack[ClientOptions]
) -> builtins.list[str]:
    """`list` for asyncio."""
    return await run_async(options, plans.list_uris, uri, recursive, pattern)


def list_containers(uri: str, **options: Unpack[ClientOptions]) -> builtins.list[str]:
    """Return the URIs of the buckets of the service that the scheme of `uri` names, such as ``s3://``."""
    return run(options, plans.list_containers, uri)


def stat(uri: str, **options: Unpack[ClientOptions]) -> dict[str, Any]:
    """Describe an object.

    Returns a dict: size in bytes; last_modified, a str in ISO 8601, UTC; etag; content_type; metadata, a dict; is_dir;
    storage_class, which S3 itself does not tell where it is STANDARD; restore, of an archived
    object that was asked for: a dict of in_progress, a bool, and expiry, in seconds since 1970, or None. What the store
    does not tell is None.
    """
    return run(options, plans.stat, uri)


async def stat_async(uri: str, **options: Unpack[ClientOptions]) -> dict[str, Any]:
    """`stat` for asyncio."""
    return await run_async(options, plans.stat, uri)


def stat_many(
    uris: Iterable[str], max_in_flight: int = 64, **options: Unpack[ClientOptions]
) -> builtins.list[dict[str, Any]]:
    """Describe many objects, `max_in_flight` requests at a time: what `stat` returns, in the order given.

    Raises the error of the first object, in that order, that cannot be described.
    """
    return run(options, plans.stat_many, uris, max_in_flight)


async def stat_many_async(
    uris: Iterable[str], max_in_flight: int = 64, **options: Unpack[ClientOptions]
) -> builtins.list[dict[str, Any]]:
    """`stat_many` for asyncio."""
    return await run_async(options, plans.stat_many, uris, max_in_flight)


def object_capabilities(uri: str) -> dict[str, Any]:
    """Tell what can be done with the objects of a scheme; no request is made.

    Returns a dict: provider, the scheme; ranges, etags, atomic_put, multipart_upload, get_into, head: what every scheme
    has; content_type, user_metadata, storage_class: whether objects keep these; local: whether they are files of this
    machine; containers: whether there are buckets that can be made; directories: whether they exist by themselves;
    min_part_size in bytes and max_parts of an upload, 0 for no limit.

    Raises InvalidError or UnsupportedError for a malformed URI or an unknown scheme.
    """
    return capabilities(check_uri(uri))


def exists(uri: str, **options: Unpack[ClientOptions]) -> bool:
    """Tell whether there is an object, a local directory or a bucket.

    Only NotFoundError means False: every other failure, such as wrong credentials, is raised.
    """
    return run(options, plans.exists, uri)


async def exists_async(uri: str, **options: Unpack[ClientOptions]) -> bool:
    """`exists` for asyncio."""
    return await run_async(options, plans.exists, uri)


def delete(uri: str, recursive: bool = False, **options: Unpack[ClientOptions]) -> None:
    """Delete an object, a file or an empty directory; with `recursive` also everything below it.

    Deleting what is not there is no failure on object stores, as their services have it; on local schemes it is a
    NotFoundError. With `recursive`, ``s3://b/data`` means that object and all keys that begin with ``data/``, but not
    ``database``; a link in a local directory is deleted, what it leads to stays.
    """
    run(options, plans.delete, uri, recursive)


async def delete_async(uri: str, recursive: bool = False, **options: Unpack[ClientOptions]) -> None:
    """`delete` for asyncio."""
    await run_async(options, plans.delete, uri, recursive)


def mkdir(uri: str, **options: Unpack[ClientOptions]) -> None:
    """Make a directory and those above it. On object stores, which have none, check that the bucket exists."""
    run(options, plans.one, Op.MKDIR, uri)


async def mkdir_async(uri: str, **options: Unpack[ClientOptions]) -> None:
    """`mkdir` for asyncio."""
    await run_async(options, plans.one, Op.MKDIR, uri)


def create_bucket(name: str, **options: Unpack[ClientOptions]) -> None:
    """Create a bucket, given as a URI or as the bare name of one on S3. Raises AlreadyExistsError where it exists."""
    run(options, plans.one, Op.CREATE_CONTAINER, _bucket_uri(name))


def delete_bucket(name: str, **options: Unpack[ClientOptions]) -> None:
    """Delete an empty bucket, given as a URI or as the bare name of one on S3."""
    run(options, plans.one, Op.DELETE_CONTAINER, _bucket_uri(name))


def _bucket_uri(name: str) -> str:
    return f"s3://{name}/" if isinstance(name, str) and name and "://" not in name else name
