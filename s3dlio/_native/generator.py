"""Generated data, as the library makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from s3dlio._native.header import ffi
from s3dlio._native.library import library

if TYPE_CHECKING:
    from typing_extensions import Buffer

PIECE = 16 << 20  # bytes made by one call, so that signals such as Ctrl-C are seen; a multiple of S3D_GENERATE_BLOCK
ALL_BITS = (1 << 64) - 1


@dataclass(frozen=True)
class Pattern:
    """What is to be made.

    Attributes:
        size: bytes.
        dedup: one block of so many is unique, the others repeat it.
        compress: one byte of so many is random, the others are zero.
        seed: the same seed gives the same data; 64 bits.
        mask: of each 8 bytes, little-endian, the bits that may be set.
    """

    size: int
    dedup: int
    compress: int
    seed: int
    mask: int = ALL_BITS

    def fill(self, memory: Buffer) -> None:
        """Write the data to a buffer of `size` bytes."""
        loaded, error = library(), ffi().new("s3d_text *")
        with ffi().from_buffer("uint8_t[]", memory, require_writable=True) as target:
            for at in range(0, self.size, PIECE):
                code = loaded.c.s3d_generate(
                    target + at,
                    min(PIECE, self.size - at),
                    at,
                    self.size,
                    self.dedup,
                    self.compress,
                    self.seed,
                    self.mask,
                    error,
                )
                loaded.check(code, error)
