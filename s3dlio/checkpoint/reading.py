"""Reading manifests and shards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from s3dlio import operations
from s3dlio._native import crc32c
from s3dlio.checkpoint.arguments import count
from s3dlio.checkpoint.manifests import check_shard
from s3dlio.checkpoint.place import Place
from s3dlio.errors import CorruptedError, InvalidError, NotFoundError
from s3dlio.views import BytesView

__all__ = ["PyCheckpointReader"]


_LOOKS = 10  # at manifests, which others replace meanwhile


class PyCheckpointReader:
    """Reads manifests, as dicts, and the shards that they name.

    A manifest has format_version, framework, global_step, epoch, wall_time (ISO 8601, UTC), world_size, status,
    user_meta, and shards: for each rank, in order, a dict of rank, key, size in bytes, checksum and etag.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def load_latest_manifest(self) -> dict[str, Any] | None:
        """Return the manifest of the checkpoint that was completed last; None where there is none."""
        for _ in range(_LOOKS):
            names = self._place.names()
            found = next(self._place.existing(reversed(names)), None)
            if found is not None or not names:
                return found
        return None  # all that were listed were replaced before they could be read, each time

    def load_manifest(self, step: int) -> dict[str, Any]:
        """Return the manifest of a step. Raises NotFoundError where there is no checkpoint of it."""
        step = count("step", step)
        for manifest in self._place.existing(name for name in reversed(self._place.names()) if name.step == step):
            return manifest
        uri = self._place.uri
        raise NotFoundError(f"{uri}: not found: there is no checkpoint of step {step}", op="checkpoint", uri=uri)

    def manifests(self) -> list[dict[str, Any]]:
        """Return all manifests, in the order in which the checkpoints were completed; the last one of each step."""
        by_step = {manifest["global_step"]: manifest for manifest in self._place.existing(self._place.names())}
        return list(by_step.values())

    def read_shard_by_rank(self, manifest: Mapping[str, Any], rank: int) -> BytesView:
        """Return the shard of a rank.

        Raises InvalidError where the manifest has no such rank, CorruptedError where the bytes are not those that were
        stored, NotFoundError where the checkpoint has been deleted.
        """
        return self.read(manifest, rank, validate=True)

    def read_all_shards(self, manifest: Mapping[str, Any]) -> list[BytesView]:
        """Return the shards of all ranks, in order. Raises as `read_shard_by_rank` does."""
        shards = self._shards(manifest)
        found = operations.get_many([self._place.object(shard["key"]) for shard in shards], **self._place.client)
        return [self._validated(view, shard) for (_, view), shard in zip(found, shards, strict=True)]

    def read(self, manifest: Mapping[str, Any], rank: int, validate: bool) -> BytesView:
        """`read_shard_by_rank`; without `validate` the bytes are not compared with the manifest."""
        shards = self._shards(manifest)
        for shard in shards:
            if shard["rank"] == rank:
                view = operations.get(self._place.object(shard["key"]), **self._place.client)
                return self._validated(view, shard) if validate else view
        raise InvalidError(
            f"{self._place.uri}: the checkpoint of step {manifest.get('global_step')} has no rank {rank!r}, but "
            f"{len(shards)} from 0 on",
            op="checkpoint",
            uri=self._place.uri,
        )

    def _shards(self, manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The shards of a manifest, which may come from anywhere."""
        try:
            return [check_shard(shard) for shard in manifest["shards"]]
        except (KeyError, TypeError, ValueError) as error:
            uri = self._place.uri
            raise InvalidError(
                f"{uri}: this is no manifest of a checkpoint: {error!r}", op="checkpoint", uri=uri
            ) from error

    def _validated(self, view: BytesView, shard: Mapping[str, Any]) -> BytesView:
        uri = self._place.object(shard["key"])
        if len(view) != shard["size"]:
            raise CorruptedError(
                f"{uri}: the shard has {len(view)} bytes, {shard['size']} were stored", op="checkpoint", uri=uri
            )
        if (found := crc32c(view)) != shard["checksum"]:
            raise CorruptedError(
                f"{uri}: the shard is not what was stored: its checksum is {found}, not {shard['checksum']}. Load an "
                "earlier checkpoint",
                op="checkpoint",
                uri=uri,
            )
        return view
