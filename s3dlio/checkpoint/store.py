"""The checkpoints at a URI, and functions for those who have but one thing to do there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from s3dlio.checkpoint.arguments import count
from s3dlio.checkpoint.manifests import CheckpointInfo, Strategy, check_user_meta, directories
from s3dlio.checkpoint.place import Place
from s3dlio.checkpoint.reading import PyCheckpointReader
from s3dlio.checkpoint.writing import PyCheckpointWriter
from s3dlio.errors import InvalidError, NotFoundError
from s3dlio.views import BytesView
from s3dlio.writer_options import WriterOptions

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "PyCheckpointStore",
    "finalize_distributed_checkpoint",
    "load_checkpoint",
    "load_checkpoint_with_validation",
    "save_checkpoint",
    "save_distributed_shard",
]

_TRIES = 5  # of a reader whose checkpoint is deleted, or replaced, while it reads


class PyCheckpointStore:
    """The checkpoints at a URI."""

    def __init__(
        self, uri: str, strategy: Strategy | None = None, multipart_threshold: int | None = None, **options: Any
    ) -> None:
        """Open a store; nothing needs to be there yet, and no request is sent.

        Args:
            uri: a directory or prefix, such as ``s3://bucket/run-7/checkpoints``.
            strategy: how names of shards begin: "flat" (the default), or spread over 16 prefixes by the rank with
                "round_robin", or "binary" for its mirrored bits; for services whose limits are by prefix.
            multipart_threshold: bytes above which a shard is stored in parts, which is also their size; `part_size` of
                the other options.
            options: those of `create_writer`, but for the compression.

        Raises InvalidError for an argument that is of the wrong type or out of range.
        """
        if not isinstance(uri, str) or "://" not in uri:
            raise InvalidError(f"a checkpoint store needs a URI, not {uri!r}", op="checkpoint")
        if strategy not in (None, "flat", "round_robin", "binary"):
            raise InvalidError(f"strategy must be 'flat', 'round_robin' or 'binary', not {strategy!r}", op="checkpoint")
        if multipart_threshold is not None:
            options.setdefault("part_size", multipart_threshold)
        parsed = WriterOptions.parse(options)
        if parsed.compression is not None:
            raise InvalidError("option compression has no effect on checkpoints: compress the data", op="checkpoint")
        self.uri = uri.rstrip("/")
        self._place = Place(self.uri, strategy or "flat", parsed)

    def save(self, step: int, epoch: int, framework: str, data: Buffer, user_meta: Any = None) -> str:
        """Store a checkpoint of one shard; `data` is not copied. It replaces one of the same step.

        Args:
            step, epoch: at least 0.
            framework: what wrote it, such as "torch".
            data: a bytes-like object.
            user_meta: anything that JSON can hold; it comes back as JSON has it.

        Returns the key of the manifest below the URI of the store.

        Raises InvalidError for an argument, and what storing failed with: then there is no new checkpoint.
        """
        writer = self.writer(1, 0)
        check_user_meta(user_meta)
        shard = writer.save_distributed_shard(step, epoch, framework, data)
        return writer.finalize_distributed_checkpoint(step, epoch, framework, [shard], user_meta)

    def load_latest(self) -> BytesView | None:
        """Return the data of the checkpoint that was completed last; None where there is none.

        Raises CorruptedError where it is not what was stored, InvalidError where it has several shards.
        """
        return self._load(validate=True)

    def list_checkpoints(self) -> list[CheckpointInfo]:
        """Return all complete checkpoints, those of lower steps first."""
        manifests = self.reader().manifests()
        return sorted((CheckpointInfo.of(manifest) for manifest in manifests), key=lambda info: info.step)

    def delete_checkpoint(self, step: int) -> bool:
        """Delete a checkpoint, and shards of the step that never became part of one; False where there was none.

        Readers do not see it any more from the first moment on.
        """
        step = count("step", step)
        place = self._place
        mine = [name for name in place.names() if name.step == step]
        shards = place.retire(mine)
        places = [place.object(directory) for directory in directories(place.strategy, step)]
        place.delete(places, recursive=True)
        place.delete(shard for shard in shards if not shard.startswith(tuple(places)))
        return bool(mine)

    def writer(self, world_size: int, rank: int) -> PyCheckpointWriter:
        """Return what rank number `rank` of `world_size` stores its shards with."""
        return PyCheckpointWriter(self._place, world_size, rank)

    def reader(self) -> PyCheckpointReader:
        """Return what reads manifests and shards."""
        return PyCheckpointReader(self._place)

    def __repr__(self) -> str:
        return f"PyCheckpointStore({self.uri!r})"

    def _load(self, validate: bool) -> BytesView | None:
        reader = self.reader()
        for attempt in range(_TRIES):
            manifest = reader.load_latest_manifest()
            if manifest is None:
                return None
            if manifest["world_size"] != 1:
                raise InvalidError(
                    f"{self.uri}: the checkpoint of step {manifest['global_step']} has {manifest['world_size']} shards."
                    " Read them with reader().read_shard_by_rank",
                    op="checkpoint",
                    uri=self.uri,
                )
            try:
                return reader.read(manifest, 0, validate)
            except NotFoundError:
                if attempt == _TRIES - 1 or self._is_there(manifest):
                    raise
        raise AssertionError("the last try returns or raises")

    def _is_there(self, manifest: Mapping[str, Any]) -> bool:
        latest = self.reader().load_latest_manifest()
        return latest is not None and latest["shards"] == manifest["shards"]


def save_checkpoint(uri: str, step: int, epoch: int, framework: str, data: Buffer, user_meta: Any = None) -> str:
    """`PyCheckpointStore(uri).save(...)`."""
    return PyCheckpointStore(uri).save(step, epoch, framework, data, user_meta)


def load_checkpoint(uri: str) -> BytesView | None:
    """`PyCheckpointStore(uri).load_latest()`."""
    return PyCheckpointStore(uri).load_latest()


def load_checkpoint_with_validation(uri: str, validate_integrity: bool = True) -> BytesView | None:
    """`load_checkpoint`; without `validate_integrity` checksums are not compared."""
    return PyCheckpointStore(uri)._load(validate_integrity)


def save_distributed_shard(
    uri: str, step: int, epoch: int, framework: str, data: Buffer, world_size: int, rank: int
) -> dict[str, Any]:
    """`PyCheckpointStore(uri).writer(world_size, rank).save_distributed_shard(...)`."""
    return PyCheckpointStore(uri).writer(world_size, rank).save_distributed_shard(step, epoch, framework, data)


def finalize_distributed_checkpoint(
    uri: str,
    step: int,
    epoch: int,
    framework: str,
    shard_metas: Iterable[Mapping[str, Any]],
    world_size: int,
    rank: int,
    user_meta: Any = None,
) -> str:
    """`PyCheckpointStore(uri).writer(world_size, rank).finalize_distributed_checkpoint(...)`."""
    writer = PyCheckpointStore(uri).writer(world_size, rank)
    return writer.finalize_distributed_checkpoint(step, epoch, framework, shard_metas, user_meta)
