"""The log level that the environment asks for, on both sides: the library's and that of the logger "s3dlio"."""

from __future__ import annotations

import logging
import os

from s3dlio.errors import InvalidError

_LEVELS = {  # name: (level of s3d_set_log_level, level of Python's logging)
    "error": (0, logging.ERROR),
    "warn": (1, logging.WARNING),
    "warning": (1, logging.WARNING),
    "info": (2, logging.INFO),
    "debug": (3, logging.DEBUG),
    "trace": (3, logging.DEBUG),
}
_DEFAULT = "warning"
_chosen: str | None = None  # by `choose`

logger = logging.getLogger("s3dlio")


def choose(level: str) -> None:
    """Set the level for this process, whatever the environment asks for. Raises InvalidError where there is no such."""
    global _chosen
    name = level.strip().lower() if isinstance(level, str) else ""
    if name not in _LEVELS:
        raise InvalidError(f"init_logging: there is no level {level!r}; use error, warning, info or debug")
    _chosen = name


def level_for_library() -> int:
    """The level that S3DLIO_LOG asks for (error, warning, info, debug), or RUST_LOG=s3dlio=debug; default warning.

    What was chosen wins. Where any of these is set, the logger "s3dlio" gets that level too, and a handler unless
    there is one.
    """
    asked = _chosen or _asked()
    level, python_level = _LEVELS[asked or _DEFAULT]
    if asked is not None:
        logger.setLevel(python_level)
        if not logger.hasHandlers():
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("time=%(asctime)s level=%(levelname)s msg=%(message)s"))
            logger.addHandler(handler)
    return level


def _asked() -> str | None:
    own = os.environ.get("S3DLIO_LOG", "").strip().lower()
    if own in _LEVELS:
        return own
    if own:
        logger.warning("S3DLIO_LOG=%s is not a level; use error, warning, info or debug", own)
    for directive in os.environ.get("RUST_LOG", "").lower().split(","):
        module, _, level = directive.strip().rpartition("=")
        if module in ("", "s3dlio") and level in _LEVELS:
            return level
    return None
