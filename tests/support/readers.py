"""Readers of the drop-in, and what a file in memory does at the same calls."""

from __future__ import annotations

import functools
import io
import random
from collections.abc import Callable
from io import SEEK_CUR, SEEK_END, SEEK_SET

from s3dlio.compat.s3torchconnector._s3client import MockS3Client, S3ClientConfig
from s3dlio.compat.s3torchconnector.s3reader import S3Reader, S3ReaderConstructor
from s3dlio.compat.s3torchconnector.s3reader.protocol import S3ReaderConstructorProtocol

PART = 1000  # bytes of a part, of clients of objects in memory
REGION = "us-east-1"
BUCKET = "bucket"

KINDS: dict[str, S3ReaderConstructorProtocol] = {
    "sequential": S3ReaderConstructor.sequential(),
    "ranged": S3ReaderConstructor.range_based(),
    "ranged, small buffer": S3ReaderConstructor.range_based(buffer_size=300),
    "ranged, no buffer": S3ReaderConstructor.range_based(buffer_size=0),
}


class MemoryClient(MockS3Client):
    """A client of objects in memory. It counts.

    Attributes:
        streams: (start, end) of each that was opened.
        heads: how many sizes were asked for.
    """

    def __init__(self, part_size: int = PART) -> None:
        super().__init__(REGION, BUCKET, s3client_config=S3ClientConfig(part_size=part_size))
        self.streams: list[tuple[int | None, int | None]] = []
        self.heads = 0

    def _get_object_stream(self, bucket: str, key: str, start: int | None = None, end: int | None = None):  # type: ignore[no-untyped-def]
        self.streams.append((start, end))
        return super()._get_object_stream(bucket, key, start, end)

    def head_object(self, bucket: str, key: str):  # type: ignore[no-untyped-def]
        self.heads += 1
        return super().head_object(bucket, key)

    def reader(self, data: bytes, kind: str = "sequential", *, is_listed: bool = False, key: str = "key") -> S3Reader:
        """A reader of an object with that content; `is_listed`: it knows the size."""
        self.add_object(key, data)
        info = super().head_object(BUCKET, key) if is_listed else None
        return self.get_object(BUCKET, key, object_info=info, reader_constructor=KINDS[kind])


@functools.lru_cache(maxsize=8)
def content(size: int, seed: int = 0) -> bytes:
    """Bytes with lines among them."""
    return random.Random(seed).randbytes(size).replace(b"\r", b"\n")


def walk(reader: S3Reader, data: bytes, steps: int, seed: int) -> None:
    """Does the same with a reader as with a file in memory, which has that content, and compares what comes back."""
    chance = random.Random(seed)
    file = io.BytesIO(data)
    for _ in range(steps):
        name, call = _step(chance, len(data))
        expected, got = call(file), call(reader)
        assert got == expected, name
        if file.tell() > len(data):  # where seeking behind the end stops at the end
            file.seek(len(data))
        assert reader.tell() == file.tell(), name


def _step(chance: random.Random, size: int) -> tuple[str, Callable[[io.BufferedIOBase | io.BytesIO], object]]:
    """Something to do: its name, and a function that does it with a file."""
    number = chance.choice([0, 1, 7, 250, 299, 300, 301, PART, 2 * PART + 1, 9 * PART])
    place = chance.randint(0, size + 10)
    return chance.choice(
        [
            (f"read({number})", lambda file: file.read(number)),
            (f"read({number})", lambda file: file.read(number)),
            ("read()", lambda file: file.read()),
            (f"readinto({number})", lambda file: _readinto(file, number)),
            (f"seek({place})", lambda file: _seek(file, place, SEEK_SET, size)),
            (f"seek({place})", lambda file: _seek(file, place, SEEK_SET, size)),
            (f"seek({number}, SEEK_CUR)", lambda file: _seek(file, number, SEEK_CUR, size)),
            (f"seek(-{place}, SEEK_END)", lambda file: _seek(file, -min(place, size), SEEK_END, size)),
            ("readline", lambda file: file.readline()),
            ("next", lambda file: next(iter(file), b"")),
            ("read1", lambda file: file.read1(number)),
        ]
    )


def _readinto(file: io.BufferedIOBase | io.BytesIO, size: int) -> tuple[int, bytes]:
    buffer = bytearray(size)
    return file.readinto(buffer), bytes(buffer)


def _seek(file: io.BufferedIOBase | io.BytesIO, offset: int, whence: int, size: int) -> int:
    return min(size, file.seek(offset, whence))
