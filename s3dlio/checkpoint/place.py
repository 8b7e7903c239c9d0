"""Where checkpoints lie: the objects of a store, and the order of things that keeps them whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from s3dlio import operations
from s3dlio._native import has_directories
from s3dlio.checkpoint.manifests import MANIFESTS, Name, Strategy, make_manifest, parse_manifest
from s3dlio.errors import CorruptedError, IsDirectoryError, NotFoundError
from s3dlio.writer_options import WriterOptions

__all__ = ["Place"]


class Place:
    """A URI, and how it is read and written.

    Attributes:
        uri: without a "/" at its end.
        strategy: how names of shards begin.
        options: for writers.
        client: for everything else.
    """

    def __init__(self, uri: str, strategy: Strategy, options: WriterOptions) -> None:
        self.uri = uri
        self.strategy: Strategy = strategy
        self.options = options
        self.client: dict[str, Any] = options.client.given()

    def object(self, key: str) -> str:
        """The URI of a key below this one."""
        return f"{self.uri}/{key}"

    def names(self) -> list[Name]:
        """The names of all manifests, in the order in which they were completed."""
        try:
            uris = operations.list(self.object(MANIFESTS), **self.client)
        except NotFoundError:
            if not has_directories(self.uri):
                raise
            return []  # a directory that nobody has made yet
        return sorted(name for name in map(Name.parse, uris) if name is not None)

    def manifest(self, name: Name) -> dict[str, Any]:
        """Read a manifest. Raises NotFoundError where it has been deleted, CorruptedError where it is none."""
        uri = self.object(name.key)
        return parse_manifest(operations.get(uri, **self.client).tobytes(), uri)

    def existing(self, names: Iterable[Name]) -> Iterator[dict[str, Any]]:
        """Their manifests, but for those that are being deleted."""
        for name in names:
            try:
                yield self.manifest(name)
            except NotFoundError:
                continue

    def publish(
        self, step: int, *, epoch: int, framework: str, shards: Sequence[Mapping[str, Any]], user_meta: Any
    ) -> str:
        """Make a checkpoint of stored shards, then delete what it replaces. Returns the key of the manifest."""
        names = self.names()
        name = Name.after(names[-1] if names else None, step)
        text = make_manifest(name, epoch=epoch, framework=framework, shards=shards, user_meta=user_meta)
        operations.put_bytes(self.object(name.key), text, **self.client)
        replaced = self.retire(old for old in names if old.step == step)
        self.delete(
            replaced - {self.object(shard["key"]) for shard in shards}
        )  # the same shards may be published again
        return name.key

    def retire(self, names: Iterable[Name]) -> set[str]:
        """Delete manifests, so that nobody begins to read their shards; returns the URIs of these."""
        shards: set[str] = set()
        for name in names:
            shards |= self._shards(name)
            self.delete([self.object(name.key)])
        return shards

    def delete(self, uris: Iterable[str], recursive: bool = False) -> None:
        """Delete what is still there; a directory that somebody is writing to stays."""
        for uri in uris:
            try:
                operations.delete(uri, recursive, **self.client)
            except (NotFoundError, IsDirectoryError):
                continue

    def _shards(self, name: Name) -> set[str]:
        try:
            return {self.object(shard["key"]) for shard in self.manifest(name)["shards"]}
        except (NotFoundError, CorruptedError):
            return set()  # another deletes it too; or nobody can say what it had
