"""`S3Checkpoint`: files for torch.save and torch.load."""

from __future__ import annotations

from s3dlio.compat.s3torchconnector._s3client import S3Client, S3ClientConfig
from s3dlio.compat.s3torchconnector._s3dataset_common import parse_s3_uri
from s3dlio.compat.s3torchconnector.s3reader import S3Reader
from s3dlio.compat.s3torchconnector.s3writer import S3Writer

__all__ = ["S3Checkpoint"]


class S3Checkpoint:
    """Opens objects of any scheme as files.

    Attributes:
        region: of the buckets; None leaves it to the environment.
        endpoint: base URL of the service; None leaves it to the environment.
    """

    def __init__(
        self,
        region: str | None = None,
        endpoint: str | None = None,
        s3client_config: S3ClientConfig | None = None,
    ) -> None:
        self.region = region
        self.endpoint = endpoint
        self._client = S3Client(region, endpoint=endpoint, s3client_config=s3client_config)

    def reader(self, s3_uri: str) -> S3Reader:
        """A reader of the object at `s3_uri`; no request is sent before it is read.

        Raises ValueError for a malformed URI.
        """
        return self._client.get_object(*parse_s3_uri(s3_uri))

    def writer(self, s3_uri: str) -> S3Writer:
        """A writer of the object at `s3_uri`, which is there once the writer is closed.

        Raises ValueError for a malformed URI, S3Exception where the bucket does not exist.
        """
        return self._client.put_object(*parse_s3_uri(s3_uri))
