"""What requests answer: descriptions of objects."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["HeadObjectResult", "ListObjectResult", "ObjectInfo", "RestoreStatus"]


@dataclass(slots=True)
class RestoreStatus:
    """Of an archived object: whether it is being restored, and until when (seconds since 1970) the copy is there."""

    in_progress: bool
    expiry: int | None


@dataclass(slots=True)
class HeadObjectResult:
    """One object. `size` is in bytes, `last_modified` in seconds since 1970; `etag` has its quotes, as S3 sends it."""

    etag: str
    size: int
    last_modified: int
    storage_class: str | None = None
    restore_status: RestoreStatus | None = None


@dataclass(slots=True)
class ObjectInfo:
    """One object of a listing; see `HeadObjectResult`."""

    key: str
    etag: str
    size: int
    last_modified: int
    storage_class: str | None = None
    restore_status: RestoreStatus | None = None


@dataclass(slots=True)
class ListObjectResult:
    """One page of a listing: its objects, and the prefixes that stand for what the delimiter folds."""

    object_info: list[ObjectInfo] = field(default_factory=list)
    common_prefixes: list[str] = field(default_factory=list)
