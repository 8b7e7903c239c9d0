"""Storing shards, and completing checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from s3dlio.checkpoint.arguments import check, count
from s3dlio.checkpoint.manifests import check_shard, shard_key
from s3dlio.checkpoint.place import Place
from s3dlio.errors import InvalidError
from s3dlio.writers import ObjectWriter

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["PyCheckpointStream", "PyCheckpointWriter"]


class PyCheckpointWriter:
    """Stores the shards of one rank, and completes checkpoints."""

    def __init__(self, place: Place, world_size: int, rank: int) -> None:
        self._place = place
        self.world_size = count("world_size", world_size, least=1)
        self.rank = count("rank", rank)
        if self.rank >= self.world_size:
            raise InvalidError(f"rank must be less than world_size ({world_size}), not {rank}", op="checkpoint")

    def save_distributed_shard(self, step: int, epoch: int, framework: str, data: Buffer) -> dict[str, Any]:
        """Store the shard of this rank; `data` is not copied. Nobody sees it before the checkpoint is completed.

        Returns what `finalize_distributed_checkpoint` needs of it: step, rank, world_size, key, size in bytes, etag and
        checksum. It can be sent to another rank as JSON or a pickle.
        """
        stream = self.get_distributed_shard_stream(step, epoch, framework)
        with stream._writer as writer:
            writer.write_owned_bytes(data)
        return stream.finalize()

    def get_distributed_shard_stream(self, step: int, epoch: int, framework: str) -> PyCheckpointStream:
        """Open the shard of this rank, to be written piece by piece."""
        check(step, epoch, framework)
        return PyCheckpointStream(self._place, int(step), self.rank, self.world_size)

    def finalize_distributed_checkpoint(
        self,
        step: int,
        epoch: int,
        framework: str,
        shard_metas: Iterable[Mapping[str, Any]],
        user_meta: Any = None,
    ) -> str:
        """Make a checkpoint of the shards of all ranks; to be called by one of them, with what all others returned.

        It replaces one of the same step. Returns the key of the manifest below the URI of the store.

        Raises InvalidError where a rank is missing or there twice, or a shard is of another step or world size.
        """
        check(step, epoch, framework)
        shards = self._checked(step, list(shard_metas))
        return self._place.publish(int(step), epoch=int(epoch), framework=framework, shards=shards, user_meta=user_meta)

    def _checked(self, step: int, metas: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        shards: dict[int, Mapping[str, Any]] = {}
        for meta in metas:
            try:
                rank = check_shard(meta)["rank"]
            except ValueError as error:
                raise self._refusal(step, f"a description of a shard is not valid: {error}") from error
            for name, expected in (("step", step), ("world_size", self.world_size)):
                if meta.get(name, expected) != expected:
                    raise self._refusal(step, f"the shard of rank {rank} is of {name} {meta[name]}, not {expected}")
            if rank in shards:
                raise self._refusal(step, f"rank {rank} is there twice")
            shards[rank] = {name: meta[name] for name in ("rank", "key", "size", "checksum", "etag") if name in meta}
        if strangers := sorted(shards.keys() - set(range(self.world_size))):
            raise self._refusal(step, f"there is no rank {strangers[0]} of {self.world_size}")
        if missing := sorted(set(range(self.world_size)) - shards.keys()):
            raise self._refusal(step, f"{len(missing)} of {self.world_size} ranks are missing: {missing[:10]}")
        return [shards[rank] for rank in range(self.world_size)]

    def _refusal(self, step: int, text: str) -> InvalidError:
        uri = self._place.uri
        return InvalidError(f"{uri}: the checkpoint of step {step} is not complete: {text}", op="checkpoint", uri=uri)


class PyCheckpointStream:
    """A shard that is written piece by piece; what is dropped without `finalize` is of no checkpoint."""

    def __init__(self, place: Place, step: int, rank: int, world_size: int) -> None:
        self._meta = {"step": step, "rank": rank, "world_size": world_size}
        self._key = shard_key(place.strategy, step, rank, world_size)
        self._writer = ObjectWriter(place.object(self._key), place.options)

    def write_chunk(self, data: Buffer) -> int:
        """Append a bytes-like object, which is copied; returns its length in bytes."""
        return self._writer.write(data)

    def finalize(self) -> dict[str, Any]:
        """Complete the shard; returns what `PyCheckpointWriter.save_distributed_shard` does."""
        size, _ = self._writer.finalize()
        return {
            **self._meta,
            "key": self._key,
            "size": size,
            "etag": self._writer.etag(),
            "checksum": self._writer.checksum(),
        }

    def cancel(self) -> None:
        """Give the shard up and remove what was stored of it."""
        self._writer.abort()
