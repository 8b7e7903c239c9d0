"""What of the environment concerns a client.

The library sees the environment of the start of the process, not what Python programs set later in os.environ. So
each client gets a snapshot of it.
"""

from __future__ import annotations

import os

_PREFIXES = (b"AWS_", b"AZURE_", b"GOOGLE_", b"GCE_", b"S3DLIO_", b"S3_")
_NAMES = frozenset(
    (
        b"HOME",
        b"HTTPS_PROXY",
        b"HTTP_PROXY",
        b"NO_PROXY",
        b"REQUEST_METHOD",
        b"SSL_CERT_DIR",
        b"SSL_CERT_FILE",
        b"STORAGE_EMULATOR_HOST",
        b"http_proxy",
        b"https_proxy",
        b"no_proxy",
    )
)


def snapshot() -> tuple[tuple[bytes, bytes], ...]:
    """The variables that concern a client, by name, as they are now."""
    environment = os.environb
    return tuple(
        sorted((name, environment[name]) for name in environment if name in _NAMES or name.startswith(_PREFIXES))
    )
