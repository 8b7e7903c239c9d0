"""Exit codes: what a script learns of a failure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from s3dlio.errors import (
    ConnectionFailedError,
    CredentialsError,
    InvalidError,
    NotFoundError,
    PermissionDeniedError,
    S3DlioError,
    ServerError,
    ThrottledError,
    TimedOutError,
    UnsupportedError,
)

__all__ = ["ExitCode", "code_of", "code_of_all"]


class ExitCode(IntEnum):
    """The exit codes; their texts are in `MEANING`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    UNREACHABLE = 5
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANING = {
    ExitCode.DONE: "all of it is done",
    ExitCode.FAILED: "it failed for another reason than those below, or several things failed for several reasons",
    ExitCode.USAGE: "the command, an option or a URI is wrong",
    ExitCode.NOT_FOUND: "there is no such object, file, bucket or prefix",
    ExitCode.REFUSED: "refused: wrong or missing credentials, or no right to do this",
    ExitCode.UNREACHABLE: "the service cannot be reached, or fails, and the retries are used up",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C)",
    ExitCode.BROKEN_PIPE: "whoever read the output has gone (`| head`)",
}

_CODES: tuple[tuple[tuple[type[S3DlioError], ...], ExitCode], ...] = (
    ((InvalidError, UnsupportedError), ExitCode.USAGE),
    ((NotFoundError,), ExitCode.NOT_FOUND),
    ((PermissionDeniedError, CredentialsError), ExitCode.REFUSED),
    ((ConnectionFailedError, TimedOutError, ServerError, ThrottledError), ExitCode.UNREACHABLE),
)


def code_of(error: S3DlioError) -> ExitCode:
    """The exit code of a command that failed with this error."""
    return next((code for kinds, code in _CODES if isinstance(error, kinds)), ExitCode.FAILED)


def code_of_all(errors: Iterable[S3DlioError]) -> ExitCode:
    """The exit code where these things failed: theirs if it is one, DONE if there are none."""
    codes = {code_of(error) for error in errors}
    if not codes:
        return ExitCode.DONE
    return codes.pop() if len(codes) == 1 else ExitCode.FAILED
