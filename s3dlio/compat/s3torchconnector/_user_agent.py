"""`UserAgent`: what clients say they are."""

from __future__ import annotations

import platform

import torch

from s3dlio.compat.s3torchconnector._version import __version__

__all__ = ["UserAgent"]

_SYSTEMS = {"darwin": "macos"}


class UserAgent:
    """The beginning of the User-Agent header of a client's requests.

    Raises ValueError where `comments` is no list.
    """

    def __init__(self, comments: list[str] | None = None) -> None:
        if comments is not None and not isinstance(comments, list):
            raise ValueError("Argument comments must be a List[str]")
        self._default = UserAgent.get_default_prefix()
        self._comments = [comment for comment in comments or () if comment]

    @staticmethod
    def get_default_prefix() -> str:
        """What comes before the comments: the interface's version, the system, Python, the machine and torch."""
        system = platform.system().lower()
        return (
            f"s3torchconnector/{__version__} ua/2.1 "
            f"os/{_SYSTEMS.get(system, system)}#{platform.release()} lang/python#{platform.python_version()} "
            f"md/arch#{platform.machine().lower()} md/pytorch#{torch.__version__}"
        )

    @property
    def prefix(self) -> str:
        """The default, and the comments in parentheses, if there are any."""
        return f"{self._default} ({'; '.join(self._comments)})" if self._comments else self._default
