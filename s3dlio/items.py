"""A sample together with where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3dlio.views import BytesView

__all__ = ["DataItem", "split_uri"]


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of a URI; for local files "" and the absolute path."""
    place = uri.partition("://")[2]
    if place.startswith("/"):
        return "", place
    bucket, _, key = place.partition("/")
    return bucket, key


class DataItem:
    """One object that was read: its address and its bytes.

    Attributes:
        uri: the URI it was read from.
        data: its content, in the memory it was fetched into; the data of an unpickled item is a copy.
    """

    __slots__ = ("data", "uri")

    def __init__(self, uri: str, data: BytesView) -> None:
        self.uri = uri
        self.data = data

    @property
    def byte_count(self) -> int:
        """Length of the content in bytes."""
        return len(self.data)

    @property
    def bucket(self) -> str:
        """The bucket or container; empty for local files."""
        return split_uri(self.uri)[0]

    @property
    def key(self) -> str:
        """The key inside the bucket; for local files the absolute path."""
        return split_uri(self.uri)[1]

    def read(self) -> bytes:
        """The content as bytes (a copy). It may be called any number of times."""
        return self.data.tobytes()

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"DataItem({self.uri!r}, {len(self.data)} bytes)"

    def __reduce__(self) -> tuple[type[DataItem], tuple[str, BytesView]]:
        return DataItem, (self.uri, self.data)
