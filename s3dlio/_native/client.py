"""Clients: a configuration, and the connections made with it in this process."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from typing import Any

from s3dlio import settings
from s3dlio._native.environment import snapshot
from s3dlio._native.header import ffi
from s3dlio._native.library import Library, library, this_process


class Client:
    """A configuration of gosrc/internal/config together with the environment that applies to it.

    Clients with the same of both are the same, so that they share connections; see `get`. In a forked process a
    client connects anew at its first use.
    """

    def __init__(self, config: str, environment: tuple[tuple[bytes, bytes], ...]) -> None:
        self._config = config  # a JSON object
        self._environment = environment
        self._made: tuple[Library, int] | None = None
        self.handle()

    @staticmethod
    def get(config: Mapping[str, Any] | None = None) -> Client:
        """Return the client of that configuration, of what `configure_s3` has set, and of the environment as it is now.

        Raises InvalidError where the configuration is not valid.
        """
        return _client(json.dumps(config or {}, sort_keys=True), settings.applied(snapshot()))

    def handle(self) -> tuple[Library, int]:
        """The library of this process, and the handle of this client in it."""
        loaded = library()
        made = self._made
        if made is None or made[0] is not loaded:
            with this_process().lock:
                made = self._made
                if made is None or made[0] is not loaded:
                    made = self._made = loaded, self._new(loaded)
        return made

    def stats(self) -> dict[str, Any]:
        """Requests, attempts, bytes and failures by endpoint, of this process, by scheme."""
        loaded, handle = self.handle()
        stats, error = ffi().new("s3d_text *"), ffi().new("s3d_text *")
        loaded.check(loaded.c.s3d_client_stats(handle, stats, error), error)
        found: dict[str, Any] = json.loads(loaded.text(stats))
        return found

    def _new(self, loaded: Library) -> int:
        environment = {os.fsdecode(name): os.fsdecode(value) for name, value in self._environment}
        text = json.dumps({**json.loads(self._config), "env": environment}).encode()
        handle, error = ffi().new("s3d_client *"), ffi().new("s3d_text *")
        config = ffi().new("s3d_str *", {"ptr": ffi().from_buffer(text), "len": len(text)})
        loaded.check(loaded.c.s3d_client_new(config[0], handle, error), error)
        return int(handle[0])

    def __del__(self) -> None:
        made = getattr(self, "_made", None)
        if made is not None and not made[0].is_finished and made[0].is_usable():
            made[0].c.s3d_client_free(made[1])

    def __repr__(self) -> str:
        return f"<Client at {id(self):#x}>"  # neither configuration nor environment: they may hold credentials


_client = functools.lru_cache(maxsize=32)(Client)
