"""Op-logs as another program reads them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import zstandard

COLUMNS = [
    "idx",
    "thread",
    "op",
    "client_id",
    "n_objects",
    "bytes",
    "endpoint",
    "file",
    "error",
    "start",
    "first_byte",
    "end",
    "duration_ns",
]


def read(path: Path) -> list[dict[str, str]]:
    """The lines of a log, which must have all columns."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        text = io.TextIOWrapper(stream, "utf-8", newline="").read()
    header, *rows = csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    assert header == COLUMNS
    assert all(len(row) == len(COLUMNS) for row in rows)
    return [dict(zip(header, row, strict=True)) for row in rows]
