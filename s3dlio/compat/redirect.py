"""Makes ``import s3torchconnector`` import the drop-in, in this process and in those that it starts.

    from s3dlio.compat.redirect import install

    install()
    from s3torchconnector import S3MapDataset  # s3dlio's

``python -m s3dlio.compat.s3torchconnector SCRIPT`` does it for a program that is not to be changed at all.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

__all__ = ["install"]

_TARGETS = {
    "s3torchconnector": "s3dlio.compat.s3torchconnector",
    "s3torchconnectorclient": "s3dlio.compat.s3torchconnectorclient",
}
_STARTUP = str(Path(__file__).parent.absolute() / "startup")  # its sitecustomize.py calls install() in the children


def install() -> None:
    """Redirect ``s3torchconnector`` and ``s3torchconnectorclient``, with all that is in them, to the drop-in.

    It does not matter whether the original is installed. Both names stand for the same module. Forked processes inherit
    the redirect; others get it through PYTHONPATH, which is changed in `os.environ`. A second call does nothing.

    Raises:
        ImportError: the original has been imported already.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        _refuse_originals()
        sys.meta_path.insert(0, _Finder())
    _hand_on()


def _refuse_originals() -> None:
    for name in _TARGETS.keys() & sys.modules.keys():
        raise ImportError(
            f"{name} cannot be redirected to s3dlio: it has been imported already, from "
            f"{getattr(sys.modules[name], '__file__', None)}. Call install() before the first import of it.",
            name=name,
        )


def _hand_on() -> None:
    """Puts our folder in front of PYTHONPATH, and leaves the rest as it is: an empty entry has a meaning."""
    path = os.environ.get("PYTHONPATH")
    if path is None or _STARTUP not in path.split(os.pathsep):
        os.environ["PYTHONPATH"] = _STARTUP + (os.pathsep + path if path else "")
        if sys.flags.ignore_environment or sys.flags.no_site:
            warnings.warn(
                "This Python runs with -E, -I or -S, and so will the processes that multiprocessing spawns: "
                "in these, s3torchconnector is not redirected to s3dlio.",
                RuntimeWarning,
                stacklevel=3,
            )


class _Finder(MetaPathFinder):
    """Finds what the drop-in has, under the names of the original."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top, dot, rest = fullname.partition(".")
        if top not in _TARGETS:
            return None
        real = find_spec(_TARGETS[top] + dot + rest)
        if real is None:
            return None
        spec = ModuleSpec(fullname, _Loader(real.name), origin=real.origin)
        spec.submodule_search_locations = real.submodule_search_locations
        return spec


class _Loader(Loader):
    """Gives the module of another name. The import system puts its own spec there, so the real one is put back."""

    def __init__(self, real: str) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._real)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
