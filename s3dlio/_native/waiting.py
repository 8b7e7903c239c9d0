"""Waiting for a descriptor in asyncio."""

from __future__ import annotations

import select
import threading
import types
from collections.abc import Generator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

_POLL_MS = 100


@types.coroutine
def one_turn() -> Generator[None, None, None]:
    """Let the event loop run what else is ready."""
    yield


class Waiter:
    """Lets one task at a time wait for a descriptor, in whatever event loop it runs."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None

    async def wait(self, fd: int) -> None:
        """Return once `fd` is readable, or after `wake`. Nothing is left behind, also where it is cancelled."""
        import asyncio  # slow to import, and there already where it is needed

        if self._waiting is not None:
            raise RuntimeError("another task is already waiting for this stream")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting = future
        try:
            try:
                loop.add_reader(fd, _resolve, future)
            except NotImplementedError:
                await _wait_in_thread(fd, future)
            else:
                try:
                    await future
                finally:
                    loop.remove_reader(fd)
        finally:
            self._waiting = None

    def wake(self) -> bool:
        """End the wait from any thread. False where nobody waits."""
        return self._waiting is not None and _resolve_from_thread(self._waiting)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _resolve_from_thread(future: asyncio.Future[None]) -> bool:
    try:
        future.get_loop().call_soon_threadsafe(_resolve, future)
    except RuntimeError:  # the loop has been closed: nobody waits any more
        return False
    return True


async def _wait_in_thread(fd: int, future: asyncio.Future[None]) -> None:
    """For event loops without add_reader: a thread of our own polls the descriptor for as long as somebody waits."""
    left = threading.Event()

    def poll() -> None:
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        while not left.is_set() and not poller.poll(_POLL_MS):
            pass
        _resolve_from_thread(future)

    threading.Thread(target=poll, name="s3dlio-wait", daemon=True).start()
    try:
        await future
    finally:
        left.set()
