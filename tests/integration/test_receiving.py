"""Reading into memory of the caller."""

from __future__ import annotations

import asyncio
import mmap
import os
from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import s3dlio
from s3dlio.errors import InvalidError, NotFoundError, OutOfRangeError, UnsupportedError
from tests.support import programs
from tests.support.faults import FaultProxy
from tests.support.mem import MemBucket, wait_until_idle
from tests.support.samples import Store
from tests.support.servers import S3Server

CONTENT = os.urandom(24 << 20) + b"end!"


@pytest.fixture(params=[False, True], ids=["plain", "asyncio"])
def get_into(request: pytest.FixtureRequest) -> Callable[..., int]:
    if request.param:
        return lambda *args, **kwargs: asyncio.run(s3dlio.get_into_async(*args, **kwargs))
    return s3dlio.get_into


def test_whole_objects_and_ranges(place: Store, get_into: Callable[..., int]) -> None:
    uri = place.uri("key")
    s3dlio.put(uri, CONTENT)
    whole = bytearray(len(CONTENT) + 3)
    assert get_into(uri, whole, expected_len=len(CONTENT)) == len(CONTENT)
    assert whole == CONTENT + bytes(3)
    part = bytearray(b"." * 20)
    assert get_into(uri, part, offset=9 << 20, length=10) == 10
    assert part == CONTENT[9 << 20 :][:10] + b"." * 10
    assert get_into(uri, part, offset=len(CONTENT) - 4) == 4
    assert get_into(uri, part, offset=len(CONTENT) - 4, length=10) == 4
    assert get_into(uri, part, offset=len(CONTENT) - 4, length=10, expected_len=4) == 4
    assert get_into(uri, part, offset=len(CONTENT) - 4, expected_len=4) == 4
    assert get_into(uri, part, length=0) == get_into(uri, part, offset=len(CONTENT)) == 0
    assert part == b"end!" + CONTENT[9 << 20 :][4:10] + b"." * 10
    wait_until_idle()


@pytest.mark.parametrize(
    "make",
    [
        bytearray,
        lambda n: memoryview(bytearray(n + 5))[5:],
        lambda n: array("d", bytes(n)),
        lambda n: np.zeros((2, n // 8), np.float32),
        lambda n: mmap.mmap(-1, n),
        lambda n: torch.zeros(n, dtype=torch.uint8).numpy(),
    ],
)
def test_any_memory(get_into: Callable[..., int], make: Callable[[int], Any]) -> None:
    uri = MemBucket().put("k", CONTENT[:4096])
    memory = make(4096)
    assert get_into(uri, memory, expected_len=4096) == 4096
    assert bytes(memory) == CONTENT[:4096]


@pytest.mark.parametrize(
    ("size", "arguments"),
    [
        (10, {"expected_len": 9}),
        (10, {"expected_len": 11}),
        (10, {"expected_len": 0}),
        (0, {"expected_len": 1}),
        (10, {"offset": 5, "expected_len": 4}),
        (10, {"offset": 5, "expected_len": 6}),
        (10, {"offset": 2, "length": 3, "expected_len": 4}),
        (10, {"offset": 2, "length": 5, "expected_len": 4}),
        (10, {"offset": 8, "length": 5, "expected_len": 5}),
    ],
)
def test_another_length_than_expected(get_into: Callable[..., int], size: int, arguments: dict[str, int]) -> None:
    uri = MemBucket().put("k", b"x" * size)
    memory = bytearray(b"." * 20)
    with pytest.raises(InvalidError, match=f"get_into {uri}: {arguments['expected_len']} bytes were expected, but"):
        get_into(uri, memory, **arguments)
    assert memory[arguments["expected_len"] :] == b"." * (20 - arguments["expected_len"])
    memory.append(1)  # nobody holds it


def test_refused(get_into: Callable[..., int]) -> None:
    uri = MemBucket().put("k", b"x" * 10)
    bad: list[tuple[Any, dict[str, Any], str]] = [
        (b"x" * 10, {}, "this bytes is read-only"),
        (memoryview(bytearray(20))[::2], {}, "this memoryview is not contiguous"),
        (np.zeros((20, 20), np.uint8)[:, 0], {}, "this ndarray is not contiguous"),
        ("x" * 10, {}, "this str is no buffer"),
        (None, {}, "this NoneType is no buffer"),
        (10, {}, "this int is no buffer"),
        (bytearray(9), {}, "10 bytes do not fit into a destination of 9"),
        (bytearray(9), {"expected_len": 10}, "expected_len is 10, but dst has only 9 bytes"),
        (bytearray(9), {"expected_len": -1}, "expected_len must not be negative"),
        (bytearray(9), {"expected_len": 1.0}, "expected_len must be an int"),
        (bytearray(9), {"offset": -1}, "offset must not be negative"),
        (bytearray(9), {"length": -1}, "length must not be negative"),
        (bytearray(9), {"ofset": 1}, "option 'ofset' is not known"),
    ]
    for memory, arguments, message in bad:
        with pytest.raises(InvalidError, match=message):
            get_into(uri, memory, **arguments)
    with pytest.raises(OutOfRangeError):
        get_into(uri, bytearray(9), offset=11)
    with pytest.raises(NotFoundError):
        get_into(uri + "x", bytearray(9))
    with pytest.raises(UnsupportedError):
        get_into("gopher://b/k", bytearray(9))


def test_a_cancelled_call_leaves_the_memory_alone(
    minio: S3Server, fault_proxy: Callable[[S3Server], FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, proxy = minio.new_bucket(), fault_proxy(minio)
    for name, value in (minio.environment | {"AWS_ENDPOINT_URL": proxy.endpoint}).items():
        monkeypatch.setenv(name, value)
    uri = bucket.put("k", CONTENT)
    proxy.add("bandwidth", rate=4_000)
    memory = bytearray(len(CONTENT))

    async def cancel() -> None:
        task = asyncio.create_task(s3dlio.get_into_async(uri, memory, expected_len=len(CONTENT)))
        while not any(memory[:1000]):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        at_the_end = bytes(memory)
        await asyncio.sleep(0.1)
        assert memory == at_the_end
        memory.append(1)  # nobody holds it

    asyncio.run(cancel())
    wait_until_idle()


def test_a_read_that_cannot_be_cancelled_is_waited_for() -> None:
    assert programs.run("cancelled_get_into", env=programs.faults_library()) == "ok\n"
