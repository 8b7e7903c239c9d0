"""`MockMountpointS3Client`: one bucket in the memory of this process, for the tests of programs."""

from __future__ import annotations

import itertools
from typing import Any

from s3dlio import operations
from s3dlio.compat.s3torchconnectorclient._client import MIB, MountpointS3Client
from s3dlio.compat.s3torchconnectorclient._uris import Bucket, join

__all__ = ["MockMountpointS3Client"]

_numbers = itertools.count()


class MockMountpointS3Client:
    """A service with one bucket, which lies in memory; a process that is forked or spawned does not have it.

    The other parameters are those of `MountpointS3Client`; requests do not need them.
    """

    def __init__(
        self,
        region: str,
        bucket: str,
        endpoint: str = "",
        throughput_target_gbps: float = 10.0,
        part_size: int = 8 * MIB,
        user_agent_prefix: str = "mock_client",
        unsigned: bool = False,
        force_path_style: bool = False,
        max_attempts: int = 10,
    ) -> None:
        self.region = region
        self.throughput_target_gbps = throughput_target_gbps
        self.part_size = part_size
        self.user_agent_prefix = user_agent_prefix
        self.unsigned = unsigned
        self.force_path_style = force_path_style
        self.max_attempts = max_attempts
        self._endpoint = endpoint
        self._bucket = bucket
        self._place = Bucket(f"mock-{next(_numbers)}", "mem")
        operations.create_bucket(f"mem://{self._place}/")

    def add_object(self, key: str, data: bytes) -> None:
        """Store an object."""
        operations.put_bytes(f"mem://{self._place}/{key}", data)

    def remove_object(self, key: str) -> None:
        """Delete an object."""
        operations.delete(f"mem://{self._place}/{key}")

    def create_mocked_client(self) -> MountpointS3Client:
        """A client of this service."""
        return _MemoryClient(
            self._bucket,
            self._place,
            region=self.region,
            endpoint=self._endpoint or None,
            throughput_target_gbps=self.throughput_target_gbps,
            part_size=self.part_size,
            user_agent_prefix=self.user_agent_prefix,
            unsigned=self.unsigned,
            force_path_style=self.force_path_style,
            max_attempts=self.max_attempts,
        )


class _MemoryClient(MountpointS3Client):
    """A client for whom the bucket's name means the place in memory, and any other a bucket that does not exist."""

    def __init__(self, bucket: str, place: Bucket, **parameters: Any) -> None:
        super().__init__(**parameters)
        self._bucket = bucket
        self._place = place

    def _check(self) -> None:
        """Anything goes: tests of programs have tiny parts, so that little data has several."""

    def _parameters(self) -> dict[str, Any]:
        return {**super()._parameters(), "bucket": self._bucket, "place": self._place}

    def uri(self, bucket: str, key: str) -> str:
        return join(self._place if bucket == self._bucket else Bucket(f"no-{self._place}", "mem"), key)

    def copy_object(self, src_bucket: str, src_key: str, dst_bucket: str, dst_key: str) -> None:
        super().copy_object(src_bucket, src_key, self._bucket, dst_key)  # there is no other
