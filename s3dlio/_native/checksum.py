"""The checksum of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3dlio._native.header import ffi
from s3dlio._native.library import library

if TYPE_CHECKING:
    from typing_extensions import Buffer

_STEP = 256 << 20  # bytes a call: some 30 ms


def crc32c(data: Buffer) -> str:
    """The CRC32C of a contiguous bytes-like object, as writers have it: "crc32c:" and 8 hex digits."""
    loaded, value = library(), 0
    with ffi().from_buffer(data) as memory:
        start, size = ffi().cast("char *", memory), len(memory)
        for done in range(0, size, _STEP):
            value = loaded.c.s3d_crc32c(value, start + done, min(_STEP, size - done))
    return f"crc32c:{value:08x}"
