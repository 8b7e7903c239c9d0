"""`ListObjectStream`: the pages of a listing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from s3dlio._native import list_pages
from s3dlio.compat.s3torchconnectorclient._exceptions import in_its_words
from s3dlio.compat.s3torchconnectorclient._objects import ListObjectResult, ObjectInfo
from s3dlio.operations import object_capabilities

if TYPE_CHECKING:
    from s3dlio.compat.s3torchconnectorclient._client import MountpointS3Client
    from s3dlio.listing import Listing

__all__ = ["ListObjectStream"]

MOST_KEYS = 1000  # of a page, as S3 has it


class ListObjectStream:
    """An iterator over pages (`ListObjectResult`) of at most `max_keys` keys in the order of the store.

    There is at least one page, which may be empty.

    Attributes:
        bucket, prefix, delimiter, max_keys: as asked.
        continuation_token: the last key of the pages that were taken; None before the first and after the last.
        complete: whether all pages were taken.
    """

    def __init__(
        self,
        client: MountpointS3Client,
        bucket: str,
        prefix: str,
        delimiter: str,
        max_keys: int,
        after: str | None = None,
    ) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self.delimiter = delimiter
        self.max_keys = max_keys
        self.continuation_token = after
        self.complete = False
        self._client = client
        self._prefixes: set[str] = set()
        self._pages = self._results(after)

    @staticmethod
    def _from_state(
        client: Any,
        bucket: str,
        prefix: str,
        delimiter: str,
        max_keys: int,
        continuation_token: str | None,
        complete: bool,
    ) -> ListObjectStream:
        """A stream that goes on where another one was."""
        made = ListObjectStream(client, bucket, prefix, delimiter, max_keys, continuation_token)
        made.complete = complete
        return made

    def __iter__(self) -> ListObjectStream:
        return self

    def __next__(self) -> ListObjectResult:
        if self.complete:
            raise StopIteration
        try:
            with in_its_words("list"):
                page = next(self._pages, None)
        except BaseException:  # a generator that has raised is at its end, the listing is not
            self._prefixes.clear()
            self._pages = self._results(self.continuation_token)
            raise
        if page is None:
            self.complete, self.continuation_token = True, None
            raise StopIteration
        return page

    def _results(self, after: str | None) -> Iterator[ListObjectResult]:
        most = max(1, min(self.max_keys, MOST_KEYS))
        empty = after is None
        for found in self._found():
            rows = [row for row in found if after is None or row.key > after]
            for start in range(0, len(rows), most):
                empty = False
                self.continuation_token = rows[min(start + most, len(rows)) - 1].key
                yield _page(rows[start : start + most])
        if empty:
            yield ListObjectResult()

    def _found(self) -> Iterator[list[ObjectInfo]]:
        """What lies below the prefix; a common prefix has a negative size."""
        root = self._client.uri(self.bucket, "")
        for page in self._listed(root):
            rows = [row for row in _rows(page, len(root)) if row.key.startswith(self.prefix)]
            yield rows if self.delimiter in ("", "/") else self._folded(rows)

    def _listed(self, root: str) -> Iterator[Listing]:
        """What the store is asked for: where there are directories, those that begin like the prefix."""
        engine, deeper = self._client._engine, self.delimiter != "/"
        directory = self.prefix[: self.prefix.rfind("/") + 1]
        if directory == self.prefix or object_capabilities(root)["containers"]:
            yield from list_pages(engine, root + self.prefix, recursive=deeper)
            return
        for page in list_pages(engine, root + directory):
            for at, uri in enumerate(page.uris()):
                if not uri.startswith(root + self.prefix):
                    continue
                if deeper and page.sizes[at] < 0:
                    yield from list_pages(engine, uri, recursive=True)
                else:
                    yield page.select([at])

    def _folded(self, rows: list[ObjectInfo]) -> list[ObjectInfo]:
        """Rows with common prefixes for what lies behind a delimiter that the stores do not know."""
        kept = []
        for row in rows:
            end = row.key.find(self.delimiter, len(self.prefix))
            if end < 0:
                kept.append(row)
            elif (name := row.key[: end + len(self.delimiter)]) not in self._prefixes:
                self._prefixes.add(name)
                kept.append(ObjectInfo(name, "", -1, 0))
        return kept


def _rows(page: Listing, cut: int) -> list[ObjectInfo]:
    times = page.mtimes_ns or (0,) * len(page)
    etags = page.etags or ("",) * len(page)
    classes = page.storage_classes or ("",) * len(page)
    return [
        ObjectInfo(uri[cut:], f'"{etag}"', size, time // 10**9, kind or None)
        for uri, etag, size, time, kind in zip(page.uris(), etags, page.sizes, times, classes, strict=True)
    ]


def _page(rows: list[ObjectInfo]) -> ListObjectResult:
    return ListObjectResult([row for row in rows if row.size >= 0], [row.key for row in rows if row.size < 0])
