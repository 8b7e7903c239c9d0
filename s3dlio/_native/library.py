"""The library, loaded once by each process: also by those that were forked.

A Go runtime does not survive a fork: whoever calls the library of its parent hangs. So a forked child that needs it
loads a copy of the library file (copies.py), which brings a runtime of its own. Whatever belongs to a library
remembers which one; what is left of the parent's libraries is never called again in the child, only kept loaded.
This module alone knows about forks:

- before: make the copy, once for all children; wait until no O_DIRECT read is under way, whose data could otherwise
  land in the child's memory (open(2)); hold the locks of this package, so that none is caught locked
- after, in the child: begin anew, with new locks
- at every entry, compare the process id: forks made in C do not run the hooks of Python. The hook in the child is
  needed all the same, for a process id may come again
"""

from __future__ import annotations

import atexit
import ctypes
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from s3dlio._logging import level_for_library
from s3dlio._native.copies import Copy, copy_of
from s3dlio._native.exporter import LibraryView, make_view_type
from s3dlio._native.header import CHECKOUT, ffi, in_checkout, quick_function
from s3dlio._native.leases import Lease
from s3dlio.errors import from_json

FORK_TIMEOUT = 2.0  # seconds that a fork waits for O_DIRECT reads; each takes milliseconds
EXIT_TIMEOUT = 5.0  # seconds that the end of the program waits for the library to let go of borrowed memory

logger = logging.getLogger("s3dlio")


class Library:
    """The library as one process has loaded it. Its functions may not be called in any other process.

    Attributes:
        pid: the process.
        c: the functions of the header.
        free_text, free_stream, is_drained: some of them, to be called by those in a hurry.
        view_type: the type of views of its buffers.
        leases: the memory it has borrowed, for as long as it may use it.
        closing: those of them whose streams are closed.
        is_finished: the program ends, and the library has no more use of memory that can be freed.
    """

    def __init__(self, path: str) -> None:
        self.pid = os.getpid()
        self.c: Any = ffi().dlopen(path, os.RTLD_NOW | os.RTLD_LOCAL | os.RTLD_NODELETE)
        _require_abi(self.c, path)
        self.free_text = quick_function(self.c, "s3d_text_free", None, ctypes.c_void_p)
        self.free_stream = quick_function(self.c, "s3d_stream_free", None, ctypes.c_uint64)
        self.is_drained = quick_function(self.c, "s3d_stream_drained", ctypes.c_int32, ctypes.c_uint64, ctypes.c_int32)
        self.c.s3d_set_log_level(level_for_library())
        self.view_type: type[LibraryView] = make_view_type(self.c)
        self.leases: set[Lease] = set()
        self.closing: set[Lease] = set()
        self.is_finished = False
        self._resolve_names()

    def is_usable(self) -> bool:
        """Whether this process is the one that loaded it."""
        return self.pid == os.getpid()

    def check(self, code: int, error: Any) -> None:
        """Raise the exception of a function that failed, from the s3d_text that it filled."""
        if code:
            raise from_json(self.text(error))

    def text(self, text: Any) -> str:
        """Decode an s3d_text and free it."""
        try:
            return bytes(ffi().buffer(text.ptr, text.len)).decode("utf-8", "surrogateescape") if text.len else ""
        finally:
            self.c.s3d_text_free(text.ptr)
            text.ptr, text.len = ffi().NULL, 0

    def return_leases(self, timeout: float = 0) -> bool:
        """Let go of the memory of closed streams, as far as it is no longer in use. True: no more is lent."""
        deadline = time.monotonic() + timeout
        for lease in tuple(self.closing):
            lease.give_back(deadline - time.monotonic())
        return not self.leases

    def finish(self) -> None:
        """At the end of the program: stop the streams, and see to it that no memory is freed while they use it."""
        for lease in tuple(self.leases):
            lease.close()
        if not self.return_leases(EXIT_TIMEOUT):
            for lease in self.leases:
                lease.leak()
        self.is_finished = True

    def _resolve_names(self) -> None:
        """Look every function up now: cffi does it under a lock, which a fork must not catch locked."""
        for name in dir(self.c):
            getattr(self.c, name)


class _Process:
    """What a process knows of libraries: its own, and those that were loaded before it was forked."""

    def __init__(
        self, inherited: tuple[Library, ...] = (), file: Path | None = None, spare: Copy | None = None
    ) -> None:
        self.pid = os.getpid()
        self.lock = threading.RLock()
        self._inherited = inherited
        self._file = file  # what the first of them was loaded from: children copy that very file
        self._spare = spare  # a copy that nothing was loaded from yet, neither here nor before the fork
        self._library: Library | None = None
        self._forking: int | None = None  # the thread that holds the lock across a fork
        self._paused = False
        self._children: dict[int, _Process] = {}

    def library(self) -> Library:
        """The library of this process."""
        if self._library is None:
            with self.lock:
                if self._library is None:
                    loaded = self._load()
                    for begin in when_loaded:
                        begin(loaded)
                    self._library = loaded
        return self._library

    def _load(self) -> Library:
        if not self._inherited:
            self._file = _library_file()
            return Library(str(self._file))
        copy = self._intact_spare()
        try:
            return Library(copy.path(len(self._inherited)))
        finally:
            copy.close()
            self._spare = None

    def _intact_spare(self) -> Copy:
        if self._spare is None or not self._spare.is_intact():
            assert self._file is not None, "a library is copied after it has been loaded"
            self._spare = copy_of(self._file)
        return self._spare

    def before_fork(self) -> None:
        self.lock.acquire()
        self._forking = threading.get_ident()
        if self._library is None:
            return
        try:
            self._intact_spare()
        except OSError as error:
            logger.warning("%s", error)  # the child will try, and fail, for itself
        self._paused = True
        if not self._library.c.s3d_fork_prepare(round(FORK_TIMEOUT * 1000)):
            logger.warning(
                "forking although O_DIRECT reads have been under way for %g s: the data of these may be damaged",
                FORK_TIMEOUT,
            )

    def after_fork_in_parent(self) -> None:
        if self._forking != threading.get_ident():  # before_fork was interrupted
            return
        if self._paused and self._library is not None:
            self._library.c.s3d_fork_resume()
        self._paused = False
        self._forking = None
        self.lock.release()

    def forked(self) -> _Process:
        """What a child of this process begins with. All its threads get the same, whichever comes first."""
        inherited = self._inherited if self._library is None else (*self._inherited, self._library)
        for library in inherited:
            library.leases.clear()  # nobody in the child uses that memory
            library.closing.clear()
        return self._children.setdefault(os.getpid(), _Process(inherited, self._file, self._spare))

    def finish(self) -> None:
        """At the end of the program."""
        if self._library is not None:
            self._library.finish()
            for end in at_end:
                end(self._library)


# What else is to be done with a library: as soon as a process has loaded its own, and after all work at the end of the
# program.
when_loaded: list[Callable[[Library], None]] = []
at_end: list[Callable[[Library], None]] = []

_process = _Process()


def this_process() -> _Process:
    """What this process knows, also where it was forked without the hooks below."""
    global _process
    if _process.pid != os.getpid():
        _process = _process.forked()
    return _process


def library() -> Library:
    """The library, loaded at the first call in each process.

    Raises ImportError where it is missing, does not fit the header, or is older than its sources in a checkout.
    """
    return this_process().library()


def loaded_library() -> Library | None:
    """The library, where this process has loaded it already."""
    return this_process()._library


os.register_at_fork(
    before=lambda: this_process().before_fork(),
    after_in_parent=lambda: _process.after_fork_in_parent(),
    after_in_child=this_process,
)
atexit.register(lambda: this_process().finish())


def describe() -> dict[str, Any]:
    """Version of the library and of Go, and the schemes it knows."""
    loaded = library()
    facts: dict[str, Any] = json.loads(loaded.text(loaded.c.s3d_describe()))
    return facts


def schemes() -> list[str]:
    """The schemes of URIs that this build knows, in order."""
    names: list[str] = describe()["schemes"]
    return names


def capabilities(uri: str) -> dict[str, Any]:
    """What can be done with the objects of the URI's scheme; nothing where the scheme is not known."""
    found: dict[str, Any] = describe()["capabilities"].get(uri.partition("://")[0].lower(), {})
    return found


def has_directories(uri: str) -> bool:
    """Whether directories exist by themselves where the URI leads to."""
    return bool(capabilities(uri).get("directories"))


def memory_stats() -> dict[str, Any]:
    """Bytes of buffers in use and pooled, and how many buffers, streams, clients and goroutines there are."""
    loaded = library()
    stats: dict[str, Any] = json.loads(loaded.text(loaded.c.s3d_memory_stats()))
    return stats


def _library_file() -> Path:
    """The library file: that of this package, or what S3DLIO_LIBRARY names (docs/dev/native.md)."""
    if chosen := os.environ.get("S3DLIO_LIBRARY"):
        return Path(chosen)
    path = Path(__file__).with_name("libs3dlio.so")
    if not path.exists():
        raise ImportError(f"the library {path} is missing. {_REMEDY if in_checkout() else 'Install s3dlio again'}")
    if in_checkout():
        _require_fresh(path)
    return path


_REMEDY = f"Run 'pip install -e {CHECKOUT}' to build it"


def _require_fresh(path: Path) -> None:
    """In a checkout nothing builds the library when a source changes: refuse one that is older."""
    sources = [CHECKOUT / "go.mod", CHECKOUT / "go.sum", *(CHECKOUT / "gosrc").rglob("*.go")]
    sources += (CHECKOUT / "gosrc").rglob("*.h")
    built = path.stat().st_mtime
    for source in sources:
        if source.stat().st_mtime > built and not source.name.endswith("_test.go"):
            raise ImportError(f"the library {path} is older than {source}. {_REMEDY}")


def _require_abi(c: Any, path: str) -> None:
    wanted, found = c.S3D_ABI_VERSION, c.s3d_abi_version()
    if found != wanted:
        raise ImportError(
            f"the library {path} has ABI version {found}, this package needs {wanted}. Install s3dlio again"
        )
