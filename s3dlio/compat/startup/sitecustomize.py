"""Run first by each Python that a redirected process starts: `install` has put this folder in front of PYTHONPATH."""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec, spec_from_file_location

_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = os.path.dirname(os.path.dirname(_HERE))


def _redirect() -> None:
    """Installs the redirect of the s3dlio that this file belongs to: that of the parent, wherever it found it."""
    if "s3dlio" not in sys.modules:
        file = os.path.join(_PACKAGE, "__init__.py")
        _load(spec_from_file_location("s3dlio", file, submodule_search_locations=[_PACKAGE]))
    from s3dlio.compat.redirect import install

    install()


def _run_hidden() -> None:
    """Runs the sitecustomize that would have run without this one, if there is any."""
    sys.path[:] = [folder for folder in sys.path if folder != _HERE]
    _load(PathFinder.find_spec("sitecustomize"))


def _load(spec: ModuleSpec | None) -> None:
    if spec is not None and spec.loader is not None:
        sys.modules[spec.name] = module = module_from_spec(spec)
        spec.loader.exec_module(module)


try:
    if sys.version_info >= (3, 10):  # noqa: UP036 - a program may start another Python than its own
        _redirect()
finally:
    _run_hidden()
