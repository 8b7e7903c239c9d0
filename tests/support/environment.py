"""The process environment of the tests: nothing of the machine's own configuration reaches the code under test."""

from __future__ import annotations

import os
from pathlib import Path

# Installing packages in a test needs the machine's proxies and certificates, so they are kept here.
ORIGINAL = dict(os.environ)

_PREFIXES = (
    *("AWS_", "S3_", "S3DLIO_", "AZURE_", "IDENTITY_", "IMDS_", "MSI_"),
    *("GOOGLE_", "GCE_", "GCLOUD_", "CLOUDSDK_", "STORAGE_EMULATOR", "HADOOP_", "KRB5"),
)
_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "RUST_LOG", "SSL_CERT_FILE", "SSL_CERT_DIR")


def isolate(empty_folder: Path) -> None:
    """Removes what configures storage clients, and points the credential chain at files that do not exist."""
    for name in list(os.environ):
        if name.upper().startswith(_PREFIXES) or name.upper() in _NAMES:
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = str(empty_folder / "config")
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(empty_folder / "credentials")
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["CLOUDSDK_CONFIG"] = str(empty_folder)
    os.environ["GCE_METADATA_HOST"] = "127.0.0.1:1"  # nobody is there
