"""`S3Client`: the requests of this package, and the readers and writers made of them."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Iterator
from functools import partial

from s3dlio.compat.s3torchconnector._s3bucket_key_data import S3BucketKeyData
from s3dlio.compat.s3torchconnector._s3client.s3client_config import S3ClientConfig
from s3dlio.compat.s3torchconnector._user_agent import UserAgent
from s3dlio.compat.s3torchconnector.s3reader import S3Reader, S3ReaderConstructor
from s3dlio.compat.s3torchconnector.s3reader.protocol import S3ReaderConstructorProtocol
from s3dlio.compat.s3torchconnector.s3reader.sources import Known
from s3dlio.compat.s3torchconnector.s3writer import S3Writer
from s3dlio.compat.s3torchconnectorclient._ahead import Pass
from s3dlio.compat.s3torchconnectorclient._mountpoint_s3_client import (
    GetObjectStream,
    HeadObjectResult,
    ListObjectStream,
    MountpointS3Client,
    ObjectInfo,
)

__all__ = ["S3Client"]

log = logging.getLogger("s3torchconnector._s3client._s3client")

_building = threading.Lock()
_live: weakref.WeakSet[S3Client] = weakref.WeakSet()  # clients whose native client is built


def _forget_native_clients() -> None:
    """Before a fork: parent and child build theirs anew. The library needs no such care; programs look for it."""
    with _building:
        for client in _live:
            client._last_native, client._native_client = client._native_client, None
        _live.clear()


def _unlock() -> None:
    """In a child: the thread that held the lock has stayed in the parent."""
    global _building
    _building = threading.Lock()


os.register_at_fork(before=_forget_native_clients, after_in_child=_unlock)


class S3Client:
    """Requests of one service, by bucket and key; the buckets of `parse_s3_uri` know their scheme.

    The native client is built at the first request, and again in another process. A client pickles to its parameters.

    Raises S3Exception, at the first request, for parameters that are wrong.
    """

    def __init__(
        self,
        region: str | None = None,
        *,
        endpoint: str | None = None,
        user_agent: UserAgent | None = None,
        s3client_config: S3ClientConfig | None = None,
    ) -> None:
        self._region = region
        self._endpoint = endpoint
        self._user_agent_prefix = (user_agent or UserAgent()).prefix
        self._s3client_config = s3client_config or S3ClientConfig()
        self._client_pid: int | None = None
        self._native_client: MountpointS3Client | None = None
        self._last_native: MountpointS3Client | None = None  # from before a fork

    @property
    def _client(self) -> MountpointS3Client:
        """The native client of this process."""
        native = self._native_client
        if native is None or self._client_pid != os.getpid():
            with _building:
                native = self._native_client
                if native is None or self._client_pid != os.getpid():
                    native = self._client_builder()
                    if self._last_native is not None and self._client_pid == os.getpid():
                        native.ahead = self._last_native.ahead  # which the passes under way fetch for
                    self._native_client, self._last_native = native, None
                    self._client_pid = os.getpid()
                    _live.add(self)
        return native

    @property
    def region(self) -> str | None:
        """Region of the buckets; None leaves it to the environment."""
        return self._region

    @property
    def s3client_config(self) -> S3ClientConfig:
        """The parameters."""
        return self._s3client_config

    @property
    def user_agent_prefix(self) -> str:
        """What the User-Agent header of its requests begins with."""
        return self._user_agent_prefix

    def _client_builder(self) -> MountpointS3Client:
        config = self._s3client_config
        return MountpointS3Client(
            region=self._region,
            endpoint=self._endpoint,
            profile=config.profile,
            user_agent_prefix=self._user_agent_prefix,
            throughput_target_gbps=config.throughput_target_gbps,
            part_size=config.part_size,
            unsigned=config.unsigned,
            force_path_style=config.force_path_style,
            max_attempts=config.max_attempts,
        )

    def get_object(
        self,
        bucket: str,
        key: str,
        *,
        object_info: ObjectInfo | HeadObjectResult | None = None,
        reader_constructor: S3ReaderConstructorProtocol | None = None,
    ) -> S3Reader:
        """A reader of an object; no request is sent before it is read.

        `object_info` is what a listing says of it, and spares the reader to ask.
        """
        log.debug("GetObject s3://%s/%s, object_info is None=%s", bucket, key, object_info is None)
        construct = reader_constructor or S3ReaderConstructor.default()
        return construct(
            bucket=bucket,
            key=key,
            get_object_info=partial(self.head_object, bucket, key) if object_info is None else Known(object_info),
            get_stream=partial(self._get_object_stream, bucket, key),
        )

    def _get_object_stream(
        self, bucket: str, key: str, start: int | None = None, end: int | None = None
    ) -> GetObjectStream:
        return self._client.get_object(bucket, key, start, end)

    def put_object(self, bucket: str, key: str, storage_class: str | None = None) -> S3Writer:
        """A writer of an object. Raises S3Exception where the bucket does not exist."""
        log.debug("PutObject s3://%s/%s", bucket, key)
        return S3Writer(self._client.put_object(bucket, key, storage_class))

    def list_objects(
        self, bucket: str, prefix: str = "", delimiter: str = "", max_keys: int = 1000
    ) -> ListObjectStream:
        """The pages of what begins with a prefix, at most `max_keys` keys each."""
        log.debug("ListObjects s3://%s/%s", bucket, prefix)
        return self._client.list_objects(bucket, prefix, delimiter, max_keys)

    def head_object(self, bucket: str, key: str) -> HeadObjectResult:
        """Describe an object."""
        log.debug("HeadObject s3://%s/%s", bucket, key)
        return self._client.head_object(bucket, key)

    def delete_object(self, bucket: str, key: str) -> None:
        """Delete an object; deleting what is not there is no failure."""
        log.debug("DeleteObject s3://%s/%s", bucket, key)
        self._client.delete_object(bucket, key)

    def copy_object(self, src_bucket: str, src_key: str, dst_bucket: str, dst_key: str) -> None:
        """Store an object under another key as well; `src_key` is percent-encoded."""
        log.debug("CopyObject s3://%s/%s to s3://%s/%s", src_bucket, src_key, dst_bucket, dst_key)
        self._client.copy_object(src_bucket, src_key, dst_bucket, dst_key)

    def _read_ahead(self, entries: Iterator[S3BucketKeyData], patience: int = 1) -> Pass[S3BucketKeyData]:
        """The same entries. Their objects are fetched before they are asked for, once `patience` of them were read."""
        return self._client.ahead.follow(entries, patience)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_client_pid": None, "_native_client": None, "_last_native": None}
