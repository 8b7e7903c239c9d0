"""How checkpoints lie in a store: names, and the manifest that makes a checkpoint exist.

    manifests/20261122T152530.123456Z-step-000000001200.json
    shards/step-000000001200/rank-00000-of-00002-1f0c9a7e55d24b6e.bin
    shards/step-000000001200/rank-00001-of-00002-9b1d4c0f37aa4e02.bin

Names never come twice, so nothing is ever overwritten. Manifests sort in the order in which checkpoints were completed.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from s3dlio.errors import CorruptedError, InvalidError

__all__ = [
    "MANIFESTS",
    "CheckpointInfo",
    "Name",
    "Strategy",
    "check_shard",
    "check_user_meta",
    "directories",
    "make_manifest",
    "parse_manifest",
    "shard_key",
]

Strategy = Literal["flat", "round_robin", "binary"]
MANIFESTS = "manifests/"
_FORMAT = 1
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_SPREAD = 16  # prefixes over which the strategies other than flat spread the shards
_SHARD = {"rank": int, "key": str, "size": int, "checksum": str}


@dataclass(frozen=True, order=True)
class Name:
    """The name of a manifest: when it was completed, and of which step."""

    stamp: str
    step: int

    @property
    def key(self) -> str:
        """Its key below the URI of the store."""
        return f"{MANIFESTS}{self.stamp}-step-{self.step:012d}.json"

    @staticmethod
    def parse(uri: str) -> Name | None:
        """The name in a URI; None where it is something else."""
        found = re.search(r"/(\d{8}T\d{6}\.\d{6}Z)-step-(\d{12,})\.json$", uri)
        return Name(found[1], int(found[2])) if found else None

    @staticmethod
    def after(newest: Name | None, step: int) -> Name:
        """A name for now, or a moment behind `newest`, where clocks differ or go back."""
        now = datetime.now(timezone.utc)
        if newest is not None:
            known = datetime.strptime(newest.stamp, _STAMP).replace(tzinfo=timezone.utc)
            now = max(now, known + timedelta(microseconds=1))
        return Name(now.strftime(_STAMP), step)


@dataclass(frozen=True)
class CheckpointInfo:
    """A checkpoint that is complete.

    Attributes:
        step, epoch: what it was saved with.
        framework: what it was saved with.
        timestamp: when it was completed, as ISO 8601, UTC.
        world_size: the number of its shards.
        total_size: the sum of their sizes in bytes.
        user_meta: what it was saved with, as JSON has it.
        status: "complete": one that is not is no checkpoint.
    """

    step: int
    epoch: int
    framework: str
    timestamp: str
    world_size: int
    total_size: int
    user_meta: Any
    status: str = "complete"

    @staticmethod
    def of(manifest: Mapping[str, Any]) -> CheckpointInfo:
        """What a manifest says."""
        return CheckpointInfo(
            step=manifest["global_step"],
            epoch=manifest["epoch"],
            framework=manifest["framework"],
            timestamp=manifest["wall_time"],
            world_size=manifest["world_size"],
            total_size=sum(shard["size"] for shard in manifest["shards"]),
            user_meta=manifest["user_meta"],
        )

    @property
    def size_mb(self) -> float:
        """`total_size` in MiB."""
        return self.total_size / (1 << 20)

    @property
    def size_gb(self) -> float:
        """`total_size` in GiB."""
        return self.total_size / (1 << 30)

    @property
    def is_complete(self) -> bool:
        """True."""
        return self.status == "complete"

    @property
    def is_single_rank(self) -> bool:
        """Whether it has one shard."""
        return self.world_size == 1


def shard_key(strategy: Strategy, step: int, rank: int, world_size: int) -> str:
    """A new key for a shard, below the URI of the store."""
    spread = {"flat": "", "round_robin": f"{rank % _SPREAD:x}/", "binary": f"{_mirrored(rank % _SPREAD):x}/"}[strategy]
    name = f"rank-{rank:05d}-of-{world_size:05d}-{uuid.uuid4().hex[:16]}.bin"
    return f"shards/{spread}step-{step:012d}/{name}"


def directories(strategy: Strategy, step: int) -> list[str]:
    """Where shards of a step may lie, below the URI of the store."""
    spread = [""] if strategy == "flat" else ["", *(f"{digit:x}/" for digit in range(_SPREAD))]
    return [f"shards/{prefix}step-{step:012d}/" for prefix in spread]


def _mirrored(number: int) -> int:
    return int(f"{number:04b}"[::-1], 2)


def make_manifest(
    name: Name, *, epoch: int, framework: str, shards: Sequence[Mapping[str, Any]], user_meta: Any
) -> bytes:
    """The text of a manifest. Raises InvalidError where `user_meta` is nothing that JSON can hold."""
    manifest = {
        "format_version": _FORMAT,
        "framework": framework,
        "global_step": name.step,
        "epoch": epoch,
        "wall_time": datetime.strptime(name.stamp, _STAMP).replace(tzinfo=timezone.utc).isoformat(),
        "world_size": len(shards),
        "status": "complete",
        "shards": shards,
        "user_meta": user_meta,
    }
    check_user_meta(user_meta)
    return json.dumps(manifest, indent=1).encode()


def check_user_meta(user_meta: Any) -> None:
    """InvalidError where it is nothing that JSON can hold."""
    try:
        json.dumps(user_meta)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidError(f"user_meta must be made of what JSON has: {error}", op="checkpoint") from error


def parse_manifest(text: bytes, uri: str) -> dict[str, Any]:
    """Read a manifest. Raises CorruptedError where it is none, InvalidError where it is of a later format."""
    try:
        manifest: dict[str, Any] = json.loads(text)
        if manifest["format_version"] != _FORMAT:
            raise InvalidError(
                f"{uri}: the manifest has the format {manifest['format_version']!r}, this version reads {_FORMAT}. "
                "Install a newer s3dlio",
                op="checkpoint",
                uri=uri,
            )
        ranks = [check_shard(shard)["rank"] for shard in manifest["shards"]]
        if ranks != list(range(manifest["world_size"])):
            raise ValueError(f"it has the ranks {ranks} of {manifest['world_size']}")
        CheckpointInfo.of(manifest)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InvalidError):
            raise
        text_of_error = f"{uri}: this is no manifest of a checkpoint: {error!r}"
        raise CorruptedError(text_of_error, op="checkpoint", uri=uri) from error
    return manifest


def check_shard(shard: object) -> Mapping[str, Any]:
    """What a shard says of itself. Raises ValueError where something is missing."""
    if not isinstance(shard, Mapping):
        raise ValueError(f"a shard is described by a dict, not by {type(shard).__name__}")
    for name, kind in _SHARD.items():
        if not isinstance(shard.get(name), kind):
            raise ValueError(f"{name} must be {kind.__name__}, not {shard.get(name)!r}")
    first, *rest = shard["key"].split("/")
    if first != "shards" or not rest or not {"", ".", ".."}.isdisjoint(rest):
        raise ValueError(f"{shard['key']!r} is no key of a shard")  # what lies elsewhere is not read, and not deleted
    return shard
