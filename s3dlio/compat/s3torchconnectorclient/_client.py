"""`MountpointS3Client`: the requests of s3torchconnector's native client, carried out by s3dlio's engine."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any
from urllib.parse import unquote

from s3dlio._native import Client, Item, Op, Stream, StreamOptions
from s3dlio.compat.s3torchconnectorclient._ahead import Ahead
from s3dlio.compat.s3torchconnectorclient._exceptions import S3Exception, in_its_words
from s3dlio.compat.s3torchconnectorclient._get_object_stream import GetObjectStream
from s3dlio.compat.s3torchconnectorclient._list_object_stream import ListObjectStream
from s3dlio.compat.s3torchconnectorclient._objects import HeadObjectResult, RestoreStatus
from s3dlio.compat.s3torchconnectorclient._put_object_stream import PutObjectStream
from s3dlio.compat.s3torchconnectorclient._uris import join
from s3dlio.errors import InvalidError, NotFoundError, S3DlioError
from s3dlio.listing import Listing
from s3dlio.operations import object_capabilities
from s3dlio.options import Options

__all__ = ["MountpointS3Client"]

MIB, GIB = 1 << 20, 1 << 30
_REQUESTS_PER_GBPS = 3.2  # at the same time: 32 for the 10 Gbit/s that are the default
_NOT_IN_A_HEADER = re.compile(r"[^\x20-\x7e]")


class MountpointS3Client:
    """Requests to one service. The parameters are those of `S3ClientConfig`, and attributes, too.

    `throughput_target_gbps` says how many requests may be under way at the same time; `max_attempts` how often each is
    tried; `part_size` (bytes) is that of the requests that large reads and writes are split into.

    Attributes:
        ahead: what passes over datasets fetch before it is asked for.

    Raises S3Exception for a `part_size` outside 5 MiB to 5 GiB, for less than one attempt, and for an endpoint that is
    no URL.
    """

    def __init__(
        self,
        region: str | None,
        user_agent_prefix: str = "",
        throughput_target_gbps: float = 10.0,
        part_size: int = 8 * MIB,
        profile: str | None = None,
        unsigned: bool | None = False,
        endpoint: str | None = None,
        force_path_style: bool | None = False,
        max_attempts: int = 10,
    ) -> None:
        self.region = region
        self.user_agent_prefix = user_agent_prefix
        self.throughput_target_gbps = throughput_target_gbps
        self.part_size = part_size
        self.profile = profile
        self.unsigned = unsigned
        self.endpoint = endpoint
        self.force_path_style = force_path_style
        self.max_attempts = max_attempts
        self._check()
        try:
            self._options = self._as_options()
            self._engine = Client.get(self._options.client_config())
        except S3DlioError as error:
            raise S3Exception(f"invalid configuration: {error}") from error
        reading = StreamOptions(part_size=part_size, max_concurrent=self._options.max_concurrent, tell_etags=True)
        self.ahead = Ahead(self._engine, reading, self.uri)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self._parameters()), ()

    def _parameters(self) -> dict[str, Any]:
        """What another client of the same kind is made with."""
        return {
            "region": self.region,
            "user_agent_prefix": self.user_agent_prefix,
            "throughput_target_gbps": self.throughput_target_gbps,
            "part_size": self.part_size,
            "profile": self.profile,
            "unsigned": self.unsigned,
            "endpoint": self.endpoint,
            "force_path_style": self.force_path_style,
            "max_attempts": self.max_attempts,
        }

    def uri(self, bucket: str, key: str) -> str:
        """The URI that the library has for an object or prefix."""
        return join(bucket, key)

    def get_object(self, bucket: str, key: str, start: int | None = None, end: int | None = None) -> GetObjectStream:
        """The bytes `start` to `end`, which is not included, of an object; no request is sent before some are read."""
        return GetObjectStream(self.ahead, bucket, key, start, end)

    def put_object(self, bucket: str, key: str, storage_class: str | None = None) -> PutObjectStream:
        """A stream that stores an object; it is there when the stream is closed.

        Raises S3Exception where the bucket does not exist.
        """
        self._require_bucket(bucket, key)
        with in_its_words("put"):
            return PutObjectStream(self._engine, self._options, self.uri(bucket, key), bucket, key, storage_class)

    def list_objects(
        self, bucket: str, prefix: str = "", delimiter: str = "", max_keys: int = 1000
    ) -> ListObjectStream:
        """The pages of a listing; each is asked for when it is taken."""
        return ListObjectStream(self, bucket, prefix, delimiter, max_keys)

    def head_object(self, bucket: str, key: str) -> HeadObjectResult:
        """Describe an object."""
        with in_its_words("head"):
            found: dict[str, Any] = json.loads(self._one(Op.STAT, self.uri(bucket, key)).text)
        restore = found.get("restore")
        return HeadObjectResult(
            etag=f'"{found.get("etag") or ""}"',
            size=found["size"],
            last_modified=found.get("mtime_ns", 0) // 10**9,
            storage_class=found.get("storage_class"),
            restore_status=RestoreStatus(restore["in_progress"], restore["expiry"]) if restore else None,
        )

    def delete_object(self, bucket: str, key: str) -> None:
        """Delete an object; deleting what is not there is no failure."""
        try:
            with in_its_words("delete"):
                self._one(Op.DELETE, self.uri(bucket, key))
        except S3Exception as error:
            has_buckets = object_capabilities(self.uri(bucket, ""))["containers"]
            if has_buckets or not isinstance(error.__cause__, NotFoundError):
                raise  # it is the bucket that is missing; where there are none, it is the file

    def copy_object(self, src_bucket: str, src_key: str, dst_bucket: str, dst_key: str) -> None:
        """Store an object under another key as well. `src_key` is percent-encoded, as in S3's CopyObject."""
        target = Listing.from_uris([self.uri(dst_bucket, dst_key)])
        with in_its_words("copy"):
            self._one(Op.COPY, self.uri(src_bucket, unquote(src_key)), targets=target)

    def _one(self, op: Op, uri: str, **columns: Any) -> Item:
        options = StreamOptions(part_size=self.part_size, max_concurrent=self._options.max_concurrent)
        with Stream(self._engine, op, Listing.from_uris([uri]), options=options, **columns) as stream:
            (item,) = stream.take()
        if item.error is not None:
            raise item.error
        return item

    def _require_bucket(self, bucket: str, key: str) -> None:
        """Raise where the bucket is known not to exist, before a long upload rather than after it.

        Anything else that this check meets, such as the lack of the right to list, the upload will meet or not.
        """
        if not object_capabilities(self.uri(bucket, key))["containers"]:
            return
        try:
            with in_its_words("put"):
                self._one(Op.MKDIR, self.uri(bucket, ""))
        except S3Exception as error:
            if isinstance(error.__cause__, NotFoundError):
                raise

    def _check(self) -> None:
        if not 5 * MIB <= self.part_size <= 5 * GIB:
            raise _refused(
                "invalid configuration: part size must be at between 5MiB and 5GiB", "part_size", self.part_size
            )
        if self.max_attempts < 1:
            text = f"invalid configuration: max_attempts must be at least 1, not {self.max_attempts}"
            raise _refused(text, "max_attempts", self.max_attempts)
        if self.endpoint and not self.endpoint.startswith(("http://", "https://")):
            shown = self.endpoint.rpartition("@")[2]  # no user, no password
            text = (
                "Client error: Failed to construct request: Invalid S3 endpoint: endpoint could not be resolved: "
                f"Custom endpoint `{shown}` was not a valid URI"
            )
            raise _refused(text, "endpoint", shown)

    def _as_options(self) -> Options:
        return Options.parse(
            region=self.region or "",
            endpoint_url=self.endpoint or "",
            profile=self.profile or "",
            anonymous=bool(self.unsigned),
            force_path_style=True if self.force_path_style else None,
            max_attempts=self.max_attempts,
            max_concurrent=max(1, round(self.throughput_target_gbps * _REQUESTS_PER_GBPS)),
            part_size=self.part_size,
            user_agent=_NOT_IN_A_HEADER.sub("?", self.user_agent_prefix),
        )


def _refused(text: str, parameter: str, value: object) -> S3Exception:
    """The exception for a wrong parameter, with the library's own as its cause."""
    refused = S3Exception(text)
    refused.__cause__ = InvalidError(f"client of s3torchconnector: {parameter} cannot be {value!r}")
    return refused
