"""`S3FileSystem`: what torch.distributed.checkpoint asks of the place where its files are."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import torch
from tenacity import (
    after_log,
    before_sleep_log,
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)
from torch.distributed.checkpoint.filesystem import FileSystemBase

from s3dlio.compat.s3torchconnector._s3client import S3Client, S3ClientConfig
from s3dlio.compat.s3torchconnector._s3dataset_common import parse_s3_uri
from s3dlio.compat.s3torchconnector._user_agent import UserAgent
from s3dlio.compat.s3torchconnector.s3reader import S3Reader, S3ReaderConstructor, S3ReaderConstructorProtocol
from s3dlio.compat.s3torchconnector.s3writer import S3Writer
from s3dlio.compat.s3torchconnectorclient._exceptions import S3Exception, says_object_is_missing
from s3dlio.compat.s3torchconnectorclient._uris import join

if TYPE_CHECKING:
    Location = str | os.PathLike[str]

__all__ = ["S3FileSystem"]

logger = logging.getLogger("s3torchconnector.dcp.s3_file_system")


class S3FileSystem(FileSystemBase):
    """Files that are objects. Paths are URIs of any scheme; there are no directories to be made.

    The methods raise ValueError for a malformed URI, and S3Exception where a request fails.

    Attributes:
        write_error: what ended a file's writing last, if anything did.
    """

    def __init__(
        self,
        region: str | None = None,
        s3_client: S3Client | None = None,
        s3client_config: S3ClientConfig | None = None,
        reader_constructor: S3ReaderConstructorProtocol | None = None,
    ) -> None:
        self._path: Location = ""
        self._reader_constructor = reader_constructor or S3ReaderConstructor.default()
        reader = S3ReaderConstructor.get_reader_type_string(self._reader_constructor)
        self._client = s3_client or S3Client(
            region,
            user_agent=UserAgent(["dcp", str(torch.__version__), f"md/reader_type#{reader}"]),
            s3client_config=s3client_config,
        )
        self.write_error: Exception | None = None

    @contextmanager
    def create_stream(self, path: Location, mode: str) -> Iterator[S3Reader | S3Writer]:
        """A file for reading ("rb") or writing ("wb"); the latter is published at the end, unless an exception ends it.

        Raises ValueError for another mode.
        """
        bucket, key = parse_s3_uri(_text(path))
        if mode == "rb":
            logger.debug("create_stream readable for %s", path)
            with self._client.get_object(bucket, key, reader_constructor=self._reader_constructor) as reader:
                yield reader
        elif mode == "wb":
            logger.debug("create_stream writable for %s", path)
            try:
                with self._client.put_object(bucket, key) as writer:
                    yield writer
            except Exception as error:
                self.write_error = error
                raise
        else:
            raise ValueError(
                f"Invalid {mode=} mode argument: create_stream only supports rb (read mode) & wb (write mode)"
            )

    def concat_path(self, path: Location, suffix: str) -> str:
        """The path of a file below another path."""
        logger.debug("concat paths %s and %s", path, suffix)
        return os.path.join(os.fspath(path), suffix)

    def init_path(self, path: Location) -> Location:
        """Take a path over; it is returned as it is."""
        logger.debug("init_path for %s", path)
        self._path = path
        return path

    def rename(self, old_path: Location, new_path: Location) -> None:
        """Give an object another key in its bucket: it is copied, by the service where that can, and then deleted.

        Raises ValueError where the bucket is another one.
        """
        logger.debug("rename %s to %s", old_path, new_path)
        old_bucket, old_key = parse_s3_uri(_text(old_path))
        new_bucket, new_key = parse_s3_uri(_text(new_path))
        if join(old_bucket, "") != join(new_bucket, ""):  # schemes count, too
            raise ValueError(
                "Source and destination buckets cannot be different (rename does not support cross-buckets operations)"
            )
        self._client.copy_object(
            src_bucket=old_bucket, src_key=self._escape_path(old_key), dst_bucket=new_bucket, dst_key=new_key
        )
        logger.debug("rename: copied %s to %s successfully", old_path, new_path)
        if new_key != old_key:  # else it would be gone
            self._delete_with_retry(old_bucket, old_key)
            logger.debug("rename: deleted %s successfully", old_path)

    def mkdir(self, path: Location) -> None:
        """Does nothing: files do not need directories."""

    def exists(self, path: Location) -> bool:
        """Whether there is such an object."""
        logger.debug("exists %s", path)
        bucket, key = parse_s3_uri(_text(path))
        try:
            self._client.head_object(bucket, key)
        except S3Exception as error:
            if says_object_is_missing(error):
                return False
            raise
        return True

    def rm_file(self, path: Location) -> None:
        """Delete an object. Where that fails it is logged, and not raised."""
        logger.debug("remove %s", path)
        bucket, key = parse_s3_uri(_text(path))
        try:
            self._client.delete_object(bucket, key)
        except S3Exception:
            logger.exception("Failed to remove object from S3")

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: Location) -> bool:
        """Whether this may be the place of a checkpoint: a URI of a scheme that the library knows, or any Path."""
        logger.debug("validate_checkpoint_id for %s", checkpoint_id)
        if isinstance(checkpoint_id, Path):
            return True
        try:
            parse_s3_uri(_text(checkpoint_id))
        except ValueError:
            return False
        return True

    @retry(
        retry=retry_if_exception_type(S3Exception),
        stop=stop_after_attempt(3),
        wait=wait_random_exponential(multiplier=1, max=5),
        before_sleep=before_sleep_log(logger, logging.WARNING),
        after=after_log(logger, logging.ERROR),
        reraise=True,
    )
    def _delete_with_retry(self, bucket_name: str, old_key: str) -> None:
        self._client.delete_object(bucket_name, old_key)

    @staticmethod
    def _escape_path(string: str) -> str:
        """A key, percent-encoded but for its slashes."""
        return quote(string, safe="/") if string else string


def _text(path: Location) -> str:
    return path if isinstance(path, str) else str(path)
