"""A panic in a goroutine of the library is an exception here, and the library goes on."""

import asyncio

import s3dlio
from s3dlio.errors import InternalError
from tests.support.mem import MemBucket, wait_until_idle

bucket = MemBucket()
uris = [bucket.put("a", b"a"), "fault://panic/key", bucket.put("b", b"b")]


def expect_panic(error: InternalError) -> None:
    assert "panic" in str(error)
    assert "a fault that was asked for" in str(error)
    assert error.uri == "fault://panic/key"


for call in (
    lambda: s3dlio.get(uris[1]),
    lambda: s3dlio.get_many(uris),
    lambda: asyncio.run(s3dlio.get_async(uris[1])),
):
    try:
        call()
    except InternalError as error:
        expect_panic(error)
    else:
        raise AssertionError("no exception")
for call in (lambda: s3dlio.stat(uris[1]), lambda: s3dlio.list("fault://panic/"), lambda: s3dlio.delete(uris[1])):
    try:
        call()
    except InternalError:
        continue
    raise AssertionError("no exception")
assert [bytes(view) for _, view in s3dlio.get_many([uris[0], uris[2]])] == [b"a", b"b"]
wait_until_idle()
print("ok")
