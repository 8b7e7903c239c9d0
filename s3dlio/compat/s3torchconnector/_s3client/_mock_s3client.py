"""`MockS3Client`: a client with one bucket in memory, for the tests of programs."""

from __future__ import annotations

from s3dlio.compat.s3torchconnector._s3client._s3client import S3Client
from s3dlio.compat.s3torchconnector._s3client.s3client_config import S3ClientConfig
from s3dlio.compat.s3torchconnector._user_agent import UserAgent
from s3dlio.compat.s3torchconnectorclient._mountpoint_s3_client import MockMountpointS3Client, MountpointS3Client

__all__ = ["MockS3Client"]


class MockS3Client(S3Client):
    """A client whose requests go to a bucket in the memory of this process; any other bucket does not exist."""

    def __init__(
        self,
        region: str,
        bucket: str,
        user_agent: UserAgent | None = None,
        s3client_config: S3ClientConfig | None = None,
    ) -> None:
        super().__init__(region, user_agent=user_agent, s3client_config=s3client_config)
        config = self.s3client_config
        self._mock_client = MockMountpointS3Client(
            region,
            bucket,
            throughput_target_gbps=config.throughput_target_gbps,
            part_size=config.part_size,
            user_agent_prefix=self.user_agent_prefix,
            unsigned=config.unsigned,
            force_path_style=config.force_path_style,
            max_attempts=config.max_attempts,
        )

    def add_object(self, key: str, data: bytes) -> None:
        """Store an object."""
        self._mock_client.add_object(key, data)

    def remove_object(self, key: str) -> None:
        """Delete an object."""
        self._mock_client.remove_object(key)

    def _client_builder(self) -> MountpointS3Client:
        return self._mock_client.create_mocked_client()
