"""`S3LightningCheckpoint`: where a Lightning Trainer keeps its checkpoints."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from lightning.pytorch.plugins.io import CheckpointIO
from packaging.version import Version

from s3dlio.compat.s3torchconnector._s3client import S3Client, S3ClientConfig
from s3dlio.compat.s3torchconnector._s3dataset_common import parse_s3_uri
from s3dlio.compat.s3torchconnector._user_agent import UserAgent

__all__ = ["S3LightningCheckpoint"]

_TORCH_DECIDES = Version("2.6.0")  # since this version of Lightning, weights_only=None is left to torch


class S3LightningCheckpoint(CheckpointIO):  # type: ignore[misc] # Lightning is not looked into
    """A plugin of a Trainer: its checkpoints are objects.

    Paths are URIs of any scheme, or absolute local paths: Lightning itself does not understand ``file://``.

    The methods raise TypeError where a path is no str, ValueError where it is no URI, and S3Exception where a request
    fails.

    Attributes:
        region: of the buckets; None leaves it to the environment.
    """

    def __init__(
        self,
        region: str | None = None,
        s3client_config: S3ClientConfig | None = None,
        endpoint: str | None = None,
    ) -> None:
        self.region = region
        self._client = S3Client(
            region,
            endpoint=endpoint,
            user_agent=UserAgent(["lightning", lightning.__version__]),
            s3client_config=s3client_config,
        )

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str, storage_options: Any | None = None) -> None:
        """Store a checkpoint; it is there as a whole, or not at all. `storage_options` are not used."""
        with self._client.put_object(*_place(path)) as writer:
            torch.save(checkpoint, writer)  # type: ignore[arg-type] # a file, though no typing.IO

    def load_checkpoint(
        self, path: str, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Load a checkpoint. `map_location` and `weights_only` are those of torch.load.

        `weights_only` None means False where Lightning is older than 2.6, and else what torch has as its default.
        """
        if weights_only is None and Version(lightning.__version__) < _TORCH_DECIDES:
            weights_only = False
        with self._client.get_object(*_place(path)) as reader:
            loaded: dict[str, Any] = torch.load(reader, map_location, weights_only=weights_only)  # type: ignore[arg-type]
        return loaded

    def remove_checkpoint(self, path: str) -> None:
        """Delete a checkpoint; deleting what is not there is no failure."""
        self._client.delete_object(*_place(path))

    def teardown(self) -> None:
        """There is nothing to be ended."""


def _place(path: str) -> tuple[str, str]:
    if not isinstance(path, str):
        raise TypeError(
            f"{type(path).__name__!r} is not a supported type for 'path'. Must be a string formatted as an S3 uri."
        )
    if "file:/" in path and "file://" not in path:
        raise ValueError(f"{path} is what Lightning makes of a file:// URI: give it the plain path instead")
    return parse_s3_uri(f"file://{path}" if path.startswith("/") else path)
