"""Places for samples, local and remote, that tests fill and read in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# The fixtures of the servers that are tested like one another: first those with buckets.
BUCKETS = ("minio", "versitygw", "azurite", "fake_gcs")
SERVICES = (*BUCKETS, "hdfs")


class Store(Protocol):
    """A folder or a bucket; `Bucket` of tests/support/servers.py is one."""

    def uri(self, key: str = "") -> str:
        """The URI of a key; of "" the place itself, ending in '/'."""
        ...

    def put(self, key: str, data: bytes = b"") -> str:
        """Stores an object and returns its URI."""
        ...


class Remote(Store, Protocol):
    """A place in a service, seen from the outside."""

    def get(self, key: str) -> bytes:
        """The bytes of an object."""
        ...

    def keys(self, prefix: str = "") -> list[str]:
        """Every key under a prefix, in order."""
        ...

    def uploads(self) -> list[str]:
        """What the service shows of uploads that are neither completed nor given up."""
        ...


@dataclass(frozen=True)
class Folder:
    """A local folder."""

    path: Path
    scheme: str = "file"

    def uri(self, key: str = "") -> str:
        """scheme:///path/key"""
        return f"{self.scheme}://{self.path}/{key}"

    def put(self, key: str, data: bytes = b"") -> str:
        """Writes a file and returns its URI."""
        file = self.path / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return self.uri(key)


def sample(number: int) -> bytes:
    """The content of a numbered sample: its number, in a length of its own."""
    return b"%d|" % number + b"x" * number


def number_of(data: object) -> int:
    """The number in the content of a sample, whatever holds it."""
    return int(bytes(memoryview(data)).split(b"|")[0])  # type: ignore[arg-type]


def fill(store: Store, count: int, prefix: str = "train/") -> list[str]:
    """Stores samples 0 to count-1 below a prefix, in the order of their keys; returns their URIs."""
    return [store.put(f"{prefix}{i:04d}.bin", sample(i)) for i in range(count)]


def is_local(place: Store) -> bool:
    """Whether a place has directories that exist by themselves."""
    return place.uri().startswith(("file://", "direct://", "hdfs://"))
