"""The exceptions of s3dlio: one class for each kind of failure, all of them `S3DlioError`.

Each class is also the builtin that Python programs catch for that failure, so ``except FileNotFoundError`` works
too. The kinds are the codes of gosrc/capi/s3dlio.h.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, ClassVar

__all__ = [
    "AlreadyExistsError",
    "Cause",
    "ChangedError",
    "ClosedError",
    "Code",
    "ConnectionFailedError",
    "CorruptedError",
    "CredentialsError",
    "InputOutputError",
    "InternalError",
    "InvalidError",
    "IsDirectoryError",
    "NoSpaceError",
    "NotDirectoryError",
    "NotFoundError",
    "OperationCancelledError",
    "OutOfRangeError",
    "PermissionDeniedError",
    "S3DlioError",
    "ServerError",
    "ThrottledError",
    "TimedOutError",
    "TruncatedError",
    "UnsupportedError",
]


class Code(IntEnum):
    """What kind of failure an error is: s3d_code of the header."""

    INVALID = 1
    UNSUPPORTED = 2
    NOT_FOUND = 3
    ALREADY_EXISTS = 4
    PERMISSION = 5
    CREDENTIALS = 6
    IS_DIRECTORY = 7
    NOT_DIRECTORY = 8
    OUT_OF_RANGE = 9
    CHANGED = 10
    TRUNCATED = 11
    THROTTLED = 12
    TIMEOUT = 13
    CONNECTION = 14
    SERVER = 15
    NO_SPACE = 16
    IO = 17
    CANCELLED = 18
    CLOSED = 19
    INTERNAL = 20


class S3DlioError(RuntimeError):
    """Any failure of s3dlio. Its text names the URI, the cause and what to do.

    Attributes:
        code: the kind of failure.
        op: the operation that failed: "get", "stat", "put", "list", ...; None where there was none.
        uri: the object or prefix concerned, or None.
        endpoint: base URL of the service that was asked, or None.
        status: HTTP status of the answer, or None.
        request_id: the service's name for the request, or None.
        attempts: how often it was tried.
        __cause__: the chain of causes inside the library, as `Cause` exceptions.
    """

    code: ClassVar[Code] = Code.INTERNAL
    _classes: ClassVar[dict[Code, type[S3DlioError]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" in cls.__dict__:
            S3DlioError._classes.setdefault(cls.code, cls)

    def __init__(
        self,
        message: str,
        *,
        op: str | None = None,
        uri: str | None = None,
        endpoint: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        attempts: int = 1,
    ) -> None:
        super().__init__(message)
        self.op = op
        self.uri = uri
        self.endpoint = endpoint
        self.status = status
        self.request_id = request_id
        self.attempts = attempts

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # OSError would write its errno in front

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__.copy(), _texts_of_causes(self))


class _OSFailure(S3DlioError, OSError):
    """What is an OSError too, with `errno`, and with the URI as its `filename`."""

    _errno: ClassVar[int]

    def __init__(self, message: str, *, uri: str | None = None, **fields: Any) -> None:
        super().__init__(message, uri=uri, **fields)
        self.errno = self._errno
        self.filename = uri


class InvalidError(S3DlioError, ValueError):
    """A malformed URI, option or argument."""

    code = Code.INVALID


class UnsupportedError(S3DlioError, NotImplementedError, ValueError):
    """An unknown scheme, or an operation that a scheme does not have."""

    code = Code.UNSUPPORTED


class NotFoundError(_OSFailure, FileNotFoundError):
    """There is no such object, file, bucket or prefix."""

    code = Code.NOT_FOUND
    _errno = errno.ENOENT


class AlreadyExistsError(_OSFailure, FileExistsError):
    """What was to be made is there already."""

    code = Code.ALREADY_EXISTS
    _errno = errno.EEXIST


class PermissionDeniedError(_OSFailure, PermissionError):
    """Refused: the credentials are wrong, or not allowed to do this."""

    code = Code.PERMISSION
    _errno = errno.EACCES


class CredentialsError(_OSFailure, PermissionError):
    """No usable credentials could be found."""

    code = Code.CREDENTIALS
    _errno = errno.EACCES


class IsDirectoryError(_OSFailure, IsADirectoryError):
    """A directory where a file is meant."""

    code = Code.IS_DIRECTORY
    _errno = errno.EISDIR


class NotDirectoryError(_OSFailure, NotADirectoryError):
    """A file where a directory is meant."""

    code = Code.NOT_DIRECTORY
    _errno = errno.ENOTDIR


class OutOfRangeError(S3DlioError, ValueError):
    """The offset lies beyond the end of the object.

    Not an IndexError, which would silently end a loop over a dataset.
    """

    code = Code.OUT_OF_RANGE


class ChangedError(_OSFailure):
    """The object changed while it was being read."""

    code = Code.CHANGED
    _errno = errno.ESTALE


class TruncatedError(_OSFailure):
    """Fewer bytes arrived than were announced.

    Not an EOFError, which readers take for a regular end.
    """

    code = Code.TRUNCATED
    _errno = errno.EIO


class ThrottledError(_OSFailure):
    """The service asked to slow down, and the retries are used up."""

    code = Code.THROTTLED
    _errno = errno.EBUSY


class TimedOutError(_OSFailure, TimeoutError):
    """No answer in time."""

    code = Code.TIMEOUT
    _errno = errno.ETIMEDOUT


class ConnectionFailedError(_OSFailure, ConnectionError):
    """No connection, or it broke, and the retries are used up."""

    code = Code.CONNECTION
    _errno = errno.ECONNABORTED


class ServerError(_OSFailure):
    """The service failed (HTTP 5xx), and the retries are used up."""

    code = Code.SERVER
    _errno = errno.EREMOTEIO


class NoSpaceError(_OSFailure):
    """No space is left where the data was to be written."""

    code = Code.NO_SPACE
    _errno = errno.ENOSPC


class InputOutputError(_OSFailure):
    """Any other failure of the operating system."""

    code = Code.IO
    _errno = errno.EIO


class CorruptedError(InputOutputError):
    """The bytes that were read are not those that were stored."""


class OperationCancelledError(S3DlioError):
    """The work was cancelled before it was done."""

    code = Code.CANCELLED


class ClosedError(S3DlioError, ValueError):
    """The stream or iterator was closed, or belongs to the process that this one was forked from."""

    code = Code.CLOSED


class InternalError(S3DlioError):
    """A bug in s3dlio; please report it."""

    code = Code.INTERNAL


class Cause(Exception):
    """A link in the chain of causes, of which only the text came out of the library."""


_FIELDS = ("op", "uri", "endpoint", "status", "request_id", "attempts")


def from_json(text: str | bytes) -> S3DlioError:
    """Make the exception of an error as the library reports it (Error.JSON in gosrc/internal/errs)."""
    known = json.loads(text)
    cls = S3DlioError._classes[Code(known["code"])]
    error = cls(known["message"], **{name: known[name] for name in _FIELDS if name in known})
    _attach_causes(error, known.get("causes", ()))
    return error


def _attach_causes(error: BaseException, texts: Sequence[str]) -> None:
    for text in texts:
        error.__cause__ = Cause(text)
        error = error.__cause__


def _texts_of_causes(error: BaseException) -> list[str]:
    texts = []
    while (cause := error.__cause__) is not None:
        texts.append(str(cause) if isinstance(cause, Cause) else f"{type(cause).__name__}: {cause}")
        error = cause
    return texts


def _restore(cls: type[S3DlioError], args: tuple[Any, ...], state: dict[str, Any], causes: list[str]) -> S3DlioError:
    """Unpickle an error; the causes come back as `Cause`, because any other exception may not pickle."""
    error = cls(*args, **{name: state[name] for name in _FIELDS})
    error.__dict__.update(state)
    _attach_causes(error, causes)
    return error
