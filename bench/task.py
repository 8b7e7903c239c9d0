"""What a client process is told to do, as JSON on its standard input. It needs nothing but the standard library."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

__all__ = ["CHECKPOINT", "MADE", "WARM", "Task", "warm_prefix"]

WARM = ("warm/", 8, 128 << 10)  # prefix, number and size of the objects that a client starts with
MADE = ("torch_load", "dcp_load")  # calls that read what PyTorch has written, and not an object for each tensor
CHECKPOINT = "checkpoint.pt"  # name of what torch.save has written, below the prefix


@dataclass(frozen=True)
class Task:
    """One work, and where its data is. Sizes are in bytes."""

    call: str  # the function of the peer
    prefix: str  # of the keys, or of the files below the folder
    count: int
    size: int
    scheme: str = "s3"
    endpoint: str = ""  # base URL of the service
    bucket: str = "bench"
    region: str = "us-east-1"
    access_key: str = ""  # or the name of an Azure account
    secret_key: str = ""  # or its key
    ca: str = ""  # PEM file of the authority of an https endpoint
    folder: str = ""  # of local files
    direct: bool = False  # O_DIRECT
    style: str = "map"  # of the torch dataset: map or iterable
    workers: int = 0  # of the DataLoader
    batch: int = 1
    listed: bool = False  # the dataset is that of a prefix, and not that of the URIs
    gap: int = -1  # bytes between two tensors of a distributed checkpoint up to which both come with one request;
    # negative: as the library has it
    memory_budget: int = 0  # 0: the library's own
    verify: bool = False  # compute checksums instead of measuring

    @classmethod
    def from_json(cls, text: str) -> Task:
        """The task that `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """This task as JSON."""
        return json.dumps(asdict(self))

    def warm_up(self) -> Task:
        """The same work, so small that it only makes everything ready."""
        prefix, count, size = WARM
        if self.call in MADE:
            prefix = warm_prefix(self.prefix)
        return replace(self, prefix=prefix, count=count, size=size)

    def service(self) -> Task:
        """Where to, without what for: what clients are kept by."""
        return replace(self, call="", prefix="", count=0, size=0)

    @property
    def keys(self) -> list[str]:
        """The keys of all objects."""
        return [f"{self.prefix}{number:05d}" for number in range(self.count)]

    def uri(self, key: str) -> str:
        """The URI of a key or prefix."""
        return f"{self.scheme}://{self.bucket}/{key}"

    @property
    def uris(self) -> list[str]:
        """The URIs of all objects."""
        return [self.uri(key) for key in self.keys]

    @property
    def paths(self) -> list[str]:
        """The paths of all local files."""
        return [f"{self.folder}/{key}" for key in self.keys]

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a program finds the service."""
        named = {
            "s3": {
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_REGION": self.region,
                "AWS_ACCESS_KEY_ID": self.access_key,
                "AWS_SECRET_ACCESS_KEY": self.secret_key,
                "AWS_CA_BUNDLE": self.ca,
                "SSL_CERT_FILE": self.ca,
            },
            "az": {"AZURE_STORAGE_CONNECTION_STRING": self.connection_string},
            "gs": {"STORAGE_EMULATOR_HOST": self.endpoint},
        }
        return {name: value for name, value in named[self.scheme].items() if value}

    @property
    def connection_string(self) -> str:
        """Account, key and endpoint as Azure writes them."""
        return f"BlobEndpoint={self.endpoint};AccountName={self.access_key};AccountKey={self.secret_key}"


def warm_prefix(prefix: str) -> str:
    """Where the small checkpoint is that a client starts with."""
    return f"warm-{prefix}"
