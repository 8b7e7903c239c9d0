"""The exception tree: complete, caught by the natural builtins, and whole after pickling."""

from __future__ import annotations

import copy
import errno
import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

from s3dlio import errors
from s3dlio.errors import Cause, Code, S3DlioError, from_json

HEADER = Path(__file__).parents[2] / "gosrc/capi/s3dlio.h"
BUILTINS: dict[Code, type[Exception]] = {
    Code.INVALID: ValueError,
    Code.UNSUPPORTED: ValueError,
    Code.NOT_FOUND: FileNotFoundError,
    Code.ALREADY_EXISTS: FileExistsError,
    Code.PERMISSION: PermissionError,
    Code.CREDENTIALS: PermissionError,
    Code.IS_DIRECTORY: IsADirectoryError,
    Code.NOT_DIRECTORY: NotADirectoryError,
    Code.OUT_OF_RANGE: ValueError,
    Code.CHANGED: OSError,
    Code.TRUNCATED: OSError,
    Code.THROTTLED: OSError,
    Code.TIMEOUT: TimeoutError,
    Code.CONNECTION: ConnectionError,
    Code.SERVER: OSError,
    Code.NO_SPACE: OSError,
    Code.IO: OSError,
    Code.CANCELLED: RuntimeError,
    Code.CLOSED: ValueError,
    Code.INTERNAL: RuntimeError,
}
FULL = {
    "op": "get",
    "uri": "s3://b/k",
    "endpoint": "http://h:9000",
    "status": 404,
    "request_id": "R1",
    "attempts": 3,
    "message": "get s3://b/k: no such key (endpoint http://h:9000, HTTP 404, request R1, 3 attempts)",
    "causes": ["answer: NoSuchKey", "NoSuchKey"],
}


def made(code: Code, **fields: Any) -> S3DlioError:
    return from_json(
        json.dumps({"code": int(code), "name": code.name.lower(), "attempts": 1, "message": "m", **fields})
    )


def test_codes_are_those_of_the_header() -> None:
    header = dict(re.findall(r"S3D_ERR_(\w+) = (\d+)", HEADER.read_text()))
    assert {code.name: str(code.value) for code in Code} == header


@pytest.mark.parametrize("code", Code)
def test_one_class_for_each_code(code: Code) -> None:
    error = made(code, **FULL)
    assert error.code is code
    assert isinstance(error, S3DlioError)
    assert isinstance(error, RuntimeError)
    assert isinstance(error, BUILTINS[code])
    assert type(error).__name__ in errors.__all__
    assert type(error) not in {type(made(other)) for other in Code if other is not code}
    assert not isinstance(error, (IndexError, EOFError, StopIteration))  # these would end a loop silently


@pytest.mark.parametrize("code", Code)
def test_everything_that_is_known_is_kept_and_pickles(code: Code) -> None:
    error = made(code, **FULL)
    error.__dict__["extra"] = "note"
    for seen in (error, *(pickle.loads(pickle.dumps(error, p)) for p in range(6)), copy.copy(error)):
        assert type(seen) is type(error)
        assert str(seen) == FULL["message"]
        assert {name: getattr(seen, name) for name in FULL if name not in ("message", "causes")} == {
            name: value for name, value in FULL.items() if name not in ("message", "causes")
        }
        assert seen.__dict__["extra"] == "note"
        assert isinstance(seen.__cause__, Cause)
        assert str(seen.__cause__) == "answer: NoSuchKey"
        assert str(seen.__cause__.__cause__) == "NoSuchKey"


def test_what_is_not_known_is_none() -> None:
    error = made(Code.INVALID)
    assert (error.op, error.uri, error.endpoint, error.status, error.request_id) == (None,) * 5
    assert error.attempts == 1
    assert error.__cause__ is None


def test_oserror_attributes() -> None:
    error = made(Code.NOT_FOUND, uri="s3://b/k")
    for seen in (error, pickle.loads(pickle.dumps(error))):
        assert isinstance(seen, FileNotFoundError)
        assert (seen.errno, seen.filename) == (errno.ENOENT, "s3://b/k")
        assert str(seen) == "m"
    assert made(Code.NO_SPACE).__dict__["op"] is None
    assert getattr(made(Code.NO_SPACE), "errno") == errno.ENOSPC  # noqa: B009


def test_another_cause_pickles_as_text() -> None:
    error = errors.InvalidError("bad")
    error.__cause__ = KeyError("x")
    restored = pickle.loads(pickle.dumps(error))
    assert isinstance(restored.__cause__, Cause)
    assert str(restored.__cause__) == "KeyError: 'x'"


def test_a_subclass_elsewhere_does_not_take_over() -> None:
    class Mine(errors.NotFoundError):
        pass

    assert type(made(Code.NOT_FOUND)) is errors.NotFoundError
    assert Mine("m").code is Code.NOT_FOUND
