"""The content of all objects: random bytes that any process can make again, and their checksums."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Iterator
from functools import cache

__all__ = ["blocks", "checksum", "content", "expected"]

BLOCK = 8 << 20


@cache
def _random_block() -> bytes:
    return random.Random(1).randbytes(BLOCK)


def blocks(number: int, size: int) -> Iterator[memoryview]:
    """The content of an object in pieces: the random block, entered at another place for each object."""
    block = memoryview(_random_block())
    at = number * 4099 % BLOCK
    while size > 0:
        piece = block[at : at + size]
        yield piece
        size -= len(piece)
        at = 0


def content(number: int, size: int) -> bytes:
    """The content of object `number`."""
    return b"".join(blocks(number, size))


def checksum(pieces: Iterable[bytes | memoryview]) -> int:
    """CRC-32 of an object."""
    value = 0
    for piece in pieces:
        value = zlib.crc32(piece, value)
    return value


@cache
def expected(count: int, size: int) -> int:
    """The sum of the checksums of all objects, which does not depend on their order."""
    return sum(checksum(blocks(number, size)) for number in range(count))
