"""Checkpoints of Lightning in objects of any scheme; Lightning has to be installed."""

import lightning  # noqa: F401 - where it is missing, the error names it, and none of its modules

from s3dlio.compat.s3torchconnector.lightning.s3_lightning_checkpoint import S3LightningCheckpoint

__all__ = ["S3LightningCheckpoint"]
