"""Zip archives of members that are stored as they are, laid out before their content is known."""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["Member", "end"]

HUGE = 0xFFFFFFFF  # stands for what does not fit into 32 bits; the number itself is in an extra field then (zip64)
DATE = 0x21  # 1 January 1980, the first that zip knows
VERSION, VERSION_64 = 20, 45
EXTRA = 1  # the extra field of zip64


@dataclass(frozen=True)
class Member:
    """A file of the archive: `size` bytes, whose header begins at byte `at`."""

    name: bytes
    size: int
    at: int

    def header(self, crc: int) -> bytes:
        """What lies in front of the content. Its length does not depend on `crc`."""
        extra = struct.pack("<HHQQ", EXTRA, 16, self.size, self.size) if self.size >= HUGE else b""
        return b"PK\3\4" + struct.pack("<H", _version(extra)) + self._fields(crc, extra) + self.name + extra

    def entry(self, crc: int) -> bytes:
        """What the directory has of it."""
        large = [number for number in (self.size, self.size, self.at) if number >= HUGE]
        extra = struct.pack(f"<HH{len(large)}Q", EXTRA, 8 * len(large), *large) if large else b""
        versions = struct.pack("<HH", _version(extra), _version(extra))
        place = struct.pack("<HHHII", 0, 0, 0, 0, min(self.at, HUGE))
        return b"PK\1\2" + versions + self._fields(crc, extra) + place + self.name + extra

    def _fields(self, crc: int, extra: bytes) -> bytes:
        size = min(self.size, HUGE)
        return struct.pack("<HHHHIIIHH", 0, 0, 0, DATE, crc, size, size, len(self.name), len(extra))


def end(members: int, directory: int, at: int) -> bytes:
    """What follows the directory, which has so many bytes and begins at byte `at`."""
    last = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, members, members, directory, min(at, HUGE), 0)
    if at < HUGE:
        return last
    record = struct.pack("<QHHIIQQQQ", 44, VERSION_64, VERSION_64, 0, 0, members, members, directory, at)
    locator = struct.pack("<IQI", 0, at + directory, 1)
    return b"PK\6\6" + record + b"PK\6\7" + locator + last


def _version(extra: bytes) -> int:
    return VERSION_64 if extra else VERSION
