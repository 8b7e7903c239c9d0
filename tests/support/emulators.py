"""Azure Blob Storage and Google Cloud Storage as tests have them: Azurite and fake-gcs-server.

Objects are made and checked with the services' own libraries, never with the code under test.
"""

from __future__ import annotations

import base64
import os
import uuid
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from tests.support.processes import Server, binary
from tests.support.servers import answers

ACCOUNT = "testaccount"
ACCOUNT_KEY = base64.b64encode(b"a key of the tests, which opens nothing else").decode()
PROJECT = "test-project"


@dataclass(frozen=True)
class AzureServer:
    """A blob service and the account that owns everything in it; `endpoint` ends in the account's name."""

    endpoint: str

    @property
    def connection_string(self) -> str:
        """Account, key and endpoint as Azure writes them."""
        return f"BlobEndpoint={self.endpoint};AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY}"

    @cached_property
    def client(self) -> BlobServiceClient:
        """A client of the account's owner."""
        return BlobServiceClient.from_connection_string(self.connection_string, retry_total=0)

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a program finds this server."""
        return {"AZURE_STORAGE_CONNECTION_STRING": self.connection_string}

    def new_bucket(self) -> AzureContainer:
        """Creates an empty container with a name of its own."""
        name = f"test-{uuid.uuid4().hex[:16]}"
        self.client.create_container(name)
        return AzureContainer(self, name)


@dataclass(frozen=True)
class AzureContainer:
    """A container, seen from the outside."""

    server: AzureServer
    name: str

    @cached_property
    def _container(self) -> Any:
        return self.server.client.get_container_client(self.name)

    def uri(self, key: str = "") -> str:
        """az://container/key"""
        return f"az://{self.name}/{key}"

    def put(self, key: str, data: bytes = b"") -> str:
        """Stores a blob and returns its URI."""
        self._container.upload_blob(key, data, overwrite=True)
        return self.uri(key)

    def get(self, key: str) -> bytes:
        """The bytes of a blob."""
        data: bytes = self._container.download_blob(key).readall()
        return data

    def attributes(self, key: str) -> tuple[str, dict[str, str]]:
        """Content type and metadata of a blob."""
        found = self._container.get_blob_client(key).get_blob_properties()
        return found.content_settings.content_type, dict(found.metadata)

    def blocks(self, key: str) -> list[str]:
        """The blocks that a blob was committed from; none where it was stored in one request."""
        committed, _ = self._container.get_blob_client(key).get_block_list()
        return [block.id for block in committed]

    def keys(self, prefix: str = "") -> list[str]:
        """Every name under a prefix, in the server's order."""
        return list(self._container.list_blob_names(name_starts_with=prefix))

    def uploads(self) -> list[str]:
        """Nothing: blocks that were staged and never committed belong to no upload, and the service drops them."""
        return []


@dataclass(frozen=True)
class GoogleServer:
    """A storage service that asks for no credentials."""

    endpoint: str

    @cached_property
    def client(self) -> Client:
        """A client of it."""
        options: Any = {"api_endpoint": self.endpoint}
        return Client(project=PROJECT, credentials=AnonymousCredentials(), client_options=options)

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a program finds this server."""
        return {"STORAGE_EMULATOR_HOST": self.endpoint, "GOOGLE_CLOUD_PROJECT": PROJECT}

    def new_bucket(self) -> GoogleBucket:
        """Creates an empty bucket with a name of its own."""
        name = f"test-{uuid.uuid4().hex[:16]}"
        self.client.create_bucket(name)
        return GoogleBucket(self, name)


@dataclass(frozen=True)
class GoogleBucket:
    """A bucket, seen from the outside."""

    server: GoogleServer
    name: str

    @cached_property
    def _bucket(self) -> Any:
        return self.server.client.bucket(self.name)

    def uri(self, key: str = "") -> str:
        """gs://bucket/key"""
        return f"gs://{self.name}/{key}"

    def put(self, key: str, data: bytes = b"") -> str:
        """Stores an object and returns its URI."""
        self._bucket.blob(key).upload_from_string(data, content_type="application/octet-stream")
        return self.uri(key)

    def get(self, key: str) -> bytes:
        """The bytes of an object."""
        data: bytes = self._bucket.blob(key).download_as_bytes()
        return data

    def attributes(self, key: str) -> tuple[str, dict[str, str]]:
        """Content type and metadata of an object."""
        found = self._bucket.get_blob(key)
        return found.content_type, dict(found.metadata or {})

    def keys(self, prefix: str = "") -> list[str]:
        """Every name under a prefix, in the server's order."""
        return [blob.name for blob in self.server.client.list_blobs(self.name, prefix=prefix)]

    def uploads(self) -> list[str]:
        """Nothing: the service shows no sessions of resumable uploads."""
        return []


def start_azurite(folder: Path) -> Server:
    """Starts Azurite with its data in memory."""

    def ready(port: int) -> bool:
        try:
            next(iter(AzureServer(f"http://127.0.0.1:{port}/{ACCOUNT}").client.list_containers()), None)
        except AzureError:
            return False
        return True

    return Server(
        "azurite",
        folder,
        command=lambda port: [binary("azurite"), str(port)],
        ready=ready,
        environment={"AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}", "PATH": os.environ["PATH"]},
    )


def start_fake_gcs(folder: Path) -> Server:
    """Starts fake-gcs-server with its data in memory."""

    def command(port: int) -> list[str | Path]:
        options = f"-scheme=http -host=127.0.0.1 -port={port} -backend=memory -log-level=warn"
        return [binary("fake-gcs-server"), *options.split(), f"-public-host=127.0.0.1:{port}"]

    return Server("fake-gcs-server", folder, command, ready=lambda port: answers(port, "/_internal/healthcheck"))
