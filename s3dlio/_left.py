"""What becomes of writers that nobody has finished."""

from __future__ import annotations

import atexit
import os
import sys
import weakref

from s3dlio._native import Writer
from s3dlio.errors import S3DlioError


class Unfinished:
    """Has a writer of the library, which it completes, or aborts, at the latest with its own end.

    Attributes:
        _native: the writer.
    """

    def __init__(self, native: Writer, *, abort: bool = False) -> None:
        """`abort` says what becomes of a writer that is only dropped."""
        self._native = native
        self._aborts = abort
        _live.add(self)
        _watch_the_end_of_the_process()

    def __del__(self) -> None:
        if hasattr(self, "_native"):
            self._conclude()

    def _conclude(self) -> None:
        """Complete what was left; raises what nobody has been told yet."""
        native = self._native
        if native.ended or not native.is_usable():
            return
        if self._aborts or native.interrupted:
            native.abort()
            return
        told = native.told
        try:
            native.finish()
        except S3DlioError as error:
            native.abort()
            if str(error) != told:
                raise


_live: weakref.WeakSet[Unfinished] = weakref.WeakSet()
_watched: int | None = None  # the process whose end is watched


def _watch_the_end_of_the_process() -> None:
    global _watched
    if _watched == os.getpid():
        return
    _watched = os.getpid()
    if "multiprocessing.util" in sys.modules:  # its processes end without what atexit knows
        from multiprocessing.util import Finalize

        Finalize(None, conclude_all, exitpriority=0)


@atexit.register
def conclude_all() -> None:
    """At the end of the program: complete the writers that are left, and report what fails."""
    for writer in tuple(_live):
        try:
            writer._conclude()
        except S3DlioError as error:
            sys.excepthook(type(error), error, error.__traceback__)
