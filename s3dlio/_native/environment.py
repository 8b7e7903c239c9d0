"""What of the environment concerns a client.

The library sees the environment of the start of the process, not what Python programs set later in os.environ. So
each client gets a snapshot of it.
"""

from __future__ import annotations

import os

_PREFIXES = (b"AWS_", b"AZURE_", b"CLOUDSDK_", b"GOOGLE_", b"GCE_", b"S3DLIO_", b"S3_")
_NAMES = frozenset(
    (
        b"GCLOUD_PROJECT",
        b"HADOOP_CONF_DIR",
        b"HADOOP_HOME",
        b"HADOOP_USER_NAME",
        b"HOME",
        b"HTTPS_PROXY",
        b"HTTP_PROXY",
        b"IDENTITY_ENDPOINT",
        b"IDENTITY_HEADER",
        b"IMDS_ENDPOINT",
        b"KRB5CCNAME",
        b"KRB5_CLIENT_KTNAME",
        b"KRB5_CONFIG",
        b"MSI_ENDPOINT",
        b"MSI_SECRET",
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


Snapshot = tuple[tuple[bytes, bytes], ...]

_last: tuple[dict[bytes, bytes], Snapshot] = {}, ()  # a whole environment, and the snapshot of it


def snapshot() -> Snapshot:
    """The variables that concern a client, by name, as they are now."""
    global _last
    # Every call of the library asks, and seldom has anything changed: dicts are compared in a microsecond, while the
    # mapping around this one takes twenty for being looked through.
    now: dict[bytes, bytes] = os.environb._data  # type: ignore[attr-defined]
    before, known = _last
    if now != before:
        known = tuple(sorted((name, now[name]) for name in now if name in _NAMES or name.startswith(_PREFIXES)))
        _last = dict(now), known
    return known
