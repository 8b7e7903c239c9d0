"""The real servers that the tests run against, and what a test needs to talk to them.

Objects are made and checked with boto3, never with the code under test.
"""

from __future__ import annotations

import http.client
import uuid
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.processes import Server, binary

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ACCESS_KEY = "test-access-key"
SECRET_KEY = "test-secret-key-0123456789"
REGION = "us-east-1"


class Service(Protocol):
    """A server of any kind."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a program finds it."""
        ...


@dataclass(frozen=True)
class S3Server:
    """An S3 server and the credentials of its owner."""

    name: str
    endpoint: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    region: str = REGION

    @cached_property
    def client(self) -> S3Client:
        """A boto3 client of the server's owner."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(s3={"addressing_style": "path"}, proxies={}, retries={"max_attempts": 2}),
        )

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a program finds this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def new_bucket(self) -> Bucket:
        """Creates an empty bucket with a name of its own."""
        name = f"test-{uuid.uuid4().hex[:16]}"
        self.client.create_bucket(Bucket=name)
        return Bucket(self, name)


@dataclass(frozen=True)
class Bucket:
    """A bucket, seen from the outside."""

    server: S3Server
    name: str

    def uri(self, key: str = "") -> str:
        """s3://bucket/key"""
        return f"s3://{self.name}/{key}"

    def put(self, key: str, data: bytes = b"") -> str:
        """Stores an object and returns its URI."""
        self.server.client.put_object(Bucket=self.name, Key=key, Body=data)
        return self.uri(key)

    def get(self, key: str) -> bytes:
        """The bytes of an object."""
        return self.server.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def keys(self, prefix: str = "") -> list[str]:
        """Every key under a prefix, in the server's order."""
        pages = self.server.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def uploads(self) -> list[str]:
        """Keys of multipart uploads that are neither completed nor aborted."""
        answer = self.server.client.list_multipart_uploads(Bucket=self.name)
        return [upload["Key"] for upload in answer.get("Uploads", [])]


def answers(port: int, path: str) -> bool:
    """True where an HTTP server on this port answers GET `path` with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def serves(port: int) -> bool:
    """True where an S3 server on this port carries out a signed request; MinIO's health check says yes too early."""
    try:
        S3Server("starting", f"http://127.0.0.1:{port}").client.list_buckets()
    except (BotoCoreError, ClientError):
        return False
    return True


def start_minio(folder: Path, environment: dict[str, str] | None = None) -> Server:
    """Starts MinIO with its data in `folder`."""
    data = folder / "data"
    data.mkdir()
    settings = {
        "MINIO_ROOT_USER": ACCESS_KEY,
        "MINIO_ROOT_PASSWORD": SECRET_KEY,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "MINIO_CI_CD": "1",  # the data may share a disk with the system
    }
    return Server(
        "minio",
        folder,
        command=lambda port: [binary("minio"), "server", "--address", f"127.0.0.1:{port}", data],
        ready=serves,
        environment=settings | (environment or {}),
    )


def start_versitygw(folder: Path) -> Server:
    """Starts versitygw over a plain folder; object metadata lies beside it, so that any filesystem will do."""
    data, metadata = folder / "data", folder / "metadata"
    data.mkdir()
    metadata.mkdir()
    options = ["--access", ACCESS_KEY, "--secret", SECRET_KEY, "--region", REGION, "--keep-alive"]
    storage = ["posix", "--sidecar", str(metadata), str(data)]
    return Server(
        "versitygw",
        folder,
        command=lambda port: [binary("versitygw"), "--port", f"127.0.0.1:{port}", *options, *storage],
        ready=serves,
    )


def start_toxiproxy(folder: Path) -> Server:
    """Starts toxiproxy; it forwards nothing until a proxy is made (see tests/support/faults.py)."""
    return Server(
        "toxiproxy",
        folder,
        command=lambda port: [binary("toxiproxy"), "-host", "127.0.0.1", "-port", str(port)],
        ready=lambda port: answers(port, "/version"),
        environment={"LOG_LEVEL": "info"},
    )


def local(server: Server) -> str:
    """The base URL of a local server."""
    return f"http://127.0.0.1:{server.port}"
