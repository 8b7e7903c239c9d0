"""A panic in a goroutine of the library is an exception here, and the library goes on."""

import asyncio
from collections.abc import Callable

import s3dlio
from s3dlio.errors import InternalError
from tests.support.mem import MemBucket, wait_until_idle

bucket = MemBucket()
uris = [bucket.put("a", b"a"), "fault://panic/key", bucket.put("b", b"b")]


def panics(call: Callable[[], object]) -> InternalError:
    try:
        call()
    except InternalError as error:
        return error
    raise AssertionError("no exception")


for error in (
    panics(lambda: s3dlio.get(uris[1])),
    panics(lambda: s3dlio.get_many(uris)),
    panics(lambda: asyncio.run(s3dlio.get_async(uris[1]))),
):
    assert "panic" in str(error)
    assert "a fault that was asked for" in str(error)
    assert error.uri == uris[1]
panics(lambda: s3dlio.stat(uris[1]))
panics(lambda: s3dlio.list("fault://panic/"))
panics(lambda: s3dlio.delete(uris[1]))
assert [bytes(view) for _, view in s3dlio.get_many([uris[0], uris[2]])] == [b"a", b"b"]
wait_until_idle()
print("ok")
