"""`S3Exception`, and what it says where: the texts that programs written for s3torchconnector 1.5.0 compare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from s3dlio.errors import Code, S3DlioError

__all__ = ["Request", "S3Exception", "in_its_words", "says_object_is_missing", "told"]

Request = Literal["get", "put", "list", "head", "delete", "copy"]

_KEY_MISSING = "Service error: The key does not exist"
_BUCKET_MISSING = "Service error: The bucket does not exist"
_NO_BUCKET = re.compile(r'bucket ("[^"]*" )?not found|no container')  # how the library's own errors say that
_OBJECT_MISSING = "Service error: The object was not found"
# The operating system refused the connection, in the words of the AWS common runtime.
_REFUSED = "Client error: Unknown CRT error: CRT error 1047"


class S3Exception(Exception):
    """A request failed. Its cause (`__cause__`) is the library's own exception, which says where and what to do."""


def told(error: S3DlioError, request: Request) -> str:
    """The text for a failure of that kind of request."""
    if error.code == Code.NOT_FOUND:
        return _missing(error, request)
    if error.code == Code.PERMISSION:
        return f"Client error: Forbidden: {error or '<no message>'}"
    if error.code == Code.CREDENTIALS:
        return f"invalid AWS credentials: {error}"
    if error.code == Code.CONNECTION:
        return f"{_REFUSED}: {error}"
    return f"Client error: {error}"


def _missing(error: S3DlioError, request: Request) -> str:
    """What is missing. HEAD and COPY do not tell an object from its bucket, and PUT knows no answer for that."""
    if request in ("head", "copy"):
        return _OBJECT_MISSING
    if request == "put":
        return f"Client error: Unknown response error: {error}"
    has_bucket = request == "get" and _NO_BUCKET.search(str(error)) is None
    return _KEY_MISSING if has_bucket else _BUCKET_MISSING


def says_object_is_missing(error: S3Exception) -> bool:
    """Whether that is what HEAD says of an object, or of its bucket."""
    return str(error) == _OBJECT_MISSING


@contextmanager
def in_its_words(request: Request) -> Iterator[None]:
    """Raise failures of the library as `S3Exception`."""
    try:
        yield
    except S3DlioError as error:
        raise S3Exception(told(error, request)) from error
