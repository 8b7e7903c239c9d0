"""Reading into memory of the caller: `get_into`, `get_into_async`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3dlio._native import Op
from s3dlio._plans import Opener, Steps, not_negative, one, run, run_async
from s3dlio.errors import InvalidError

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack

    from s3dlio.options import ClientOptions

__all__ = ["get_into", "get_into_async"]


def get_into(
    uri: str,
    dst: Buffer,
    *,
    expected_len: int | None = None,
    offset: int = 0,
    length: int | None = None,
    **options: Unpack[ClientOptions],
) -> int:
    """Read an object, or `length` bytes of it from `offset` on, to the beginning of `dst`; returns the bytes read.

    Large reads go to their places in several concurrent requests; no byte is copied on the way.

    Args:
        uri: of any scheme.
        dst: a writable, contiguous buffer, such as a bytearray, a numpy array, a shared memory or what
            ``tensor.numpy()`` gives. It must not be used until the call returns; what it holds after an error is
            undefined.
        expected_len: how many bytes the object (or the range) has; nothing is written beyond them. None: as many as
            there are.
        offset: first byte to read.
        length: bytes to read; fewer where the object ends before. None: to its end.
        options: those of the client (docs/options.md).

    Raises:
        InvalidError: the object has another length than `expected_len`, or does not fit into `dst`; `dst` is
            read-only, not contiguous, or no buffer.
        OutOfRangeError: `offset` lies beyond the end.
    """
    return run(options, _get_into, uri, dst, expected_len, offset, length)


async def get_into_async(
    uri: str,
    dst: Buffer,
    *,
    expected_len: int | None = None,
    offset: int = 0,
    length: int | None = None,
    **options: Unpack[ClientOptions],
) -> int:
    """`get_into` for asyncio. Once it has returned, failed or been cancelled, nobody writes to `dst` any more.

    A cancelled call therefore ends when the library has let go of `dst`, a moment later.
    """
    return await run_async(options, _get_into, uri, dst, expected_len, offset, length)


def _get_into(
    open_stream: Opener, uri: str, dst: Buffer, expected: int | None, offset: int, length: int | None
) -> Steps[int]:
    room = _room(uri, dst)
    offset = not_negative("offset", offset, uri)
    asked = -1 if length is None else not_negative("length", length, uri)
    if expected is not None:
        expected = not_negative("expected_len", expected, uri)
        if expected > room:
            raise _refused(uri, f"expected_len is {expected}, but dst has only {room} bytes")
        asked = expected if asked < 0 else min(asked, expected)
    item = yield from one(open_stream, Op.GET, uri, offsets=[offset], lengths=[asked], memory=[dst])
    there = max(0, item.size - offset)
    if length is not None:
        there = min(there, not_negative("length", length, uri))
    if expected is not None and there != expected:
        raise _refused(uri, f"{expected} bytes were expected, but there are {there}")
    return item.length


def _room(uri: str, dst: Buffer) -> int:
    """The size of `dst` in bytes."""
    try:
        with memoryview(dst) as view:
            if not view.readonly and view.c_contiguous:
                return view.nbytes
            problem = "read-only" if view.readonly else "not contiguous"
    except TypeError:
        problem = "no buffer"
    raise _refused(uri, f"dst must be a writable, contiguous buffer; this {type(dst).__name__} is {problem}")


def _refused(uri: str, why: str) -> InvalidError:
    return InvalidError(f"get_into {uri}: {why}", op="get_into", uri=uri)
