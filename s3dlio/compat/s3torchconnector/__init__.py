"""The interface of s3torchconnector 1.5.0 on s3dlio's engine, for objects of any scheme.

A program written for s3torchconnector runs unchanged after its imports are changed to this package, or with them
redirected: ``python -m s3dlio.compat.s3torchconnector SCRIPT``. docs/guide/migrating-from-s3torchconnector.md says
where this is better on purpose.

Everything here is imported at its first use: PyTorch is not loaded before a program asks for what needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from s3dlio.compat.s3torchconnector._version import __version__

if TYPE_CHECKING:
    from s3dlio.compat.s3torchconnector._s3client.s3client_config import S3ClientConfig
    from s3dlio.compat.s3torchconnector.s3checkpoint import S3Checkpoint
    from s3dlio.compat.s3torchconnector.s3iterable_dataset import S3IterableDataset
    from s3dlio.compat.s3torchconnector.s3map_dataset import S3MapDataset
    from s3dlio.compat.s3torchconnector.s3reader import S3Reader, S3ReaderConstructor
    from s3dlio.compat.s3torchconnector.s3writer import S3Writer
    from s3dlio.compat.s3torchconnectorclient import S3Exception

__all__ = [
    "S3Checkpoint",
    "S3ClientConfig",
    "S3Exception",
    "S3IterableDataset",
    "S3MapDataset",
    "S3Reader",
    "S3ReaderConstructor",
    "S3Writer",
    "__version__",
]

_PACKAGE = "s3dlio.compat.s3torchconnector"
_MODULES = {
    "S3Checkpoint": f"{_PACKAGE}.s3checkpoint",
    "S3ClientConfig": f"{_PACKAGE}._s3client",
    "S3Exception": "s3dlio.compat.s3torchconnectorclient",
    "S3IterableDataset": f"{_PACKAGE}.s3iterable_dataset",
    "S3MapDataset": f"{_PACKAGE}.s3map_dataset",
    "S3Reader": f"{_PACKAGE}.s3reader",
    "S3ReaderConstructor": f"{_PACKAGE}.s3reader",
    "S3Writer": f"{_PACKAGE}.s3writer",
}
# Programs use these as attributes, without an import of their own.
_SUBMODULES = (
    "_s3bucket_key_data",
    "_s3client",
    "_s3dataset_common",
    "_user_agent",
    "s3checkpoint",
    "s3iterable_dataset",
    "s3map_dataset",
    "s3reader",
    "s3writer",
)


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"{_PACKAGE}.{name}")
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
