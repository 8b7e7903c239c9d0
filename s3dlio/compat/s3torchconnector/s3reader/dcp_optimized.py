"""`DCPOptimizedS3Reader`: reads the items of a distributed checkpoint's file, one after the other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ItemRange:
    """The bytes of one item: `start` to `end`, which is not included."""

    start: int
    end: int


@dataclass
class RangeGroup:
    """Items that one stream has, from the first byte of the first of them to the end of the last."""

    start: int
    end: int
    item_ranges: list[ItemRange]


class DCPOptimizedS3Reader:
    """Reads items in their order."""
