"""Index files of TFRecord files, as NVIDIA DALI's tfrecord2idx writes them.

A TFRecord file is a row of records: the length of the payload (8 bytes, little-endian), a checksum of that (4), the
payload, a checksum of that (4). Its index is a text with a line for each record: the offset of the record in the file
and its size, both in bytes and with the 16 bytes around the payload, separated by a space.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from s3dlio.errors import InvalidError, TruncatedError
from s3dlio.operations import get, get_range, put_bytes, stat

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["create_tfrecord_index", "index_tfrecord_bytes", "read_tfrecord_index"]

Entry = tuple[int, int]
Place = str | os.PathLike[str]

_HEADER = struct.Struct("<QI")  # length of the payload, and its checksum
_AROUND = _HEADER.size + 4
_CHUNK = 8 << 20


def create_tfrecord_index(path: Place, index_path: Place | None = None) -> int:
    """Write the index of a TFRecord file; only the beginnings of the records are looked at.

    Args:
        path: the file, as a local path or a URI of any scheme.
        index_path: where to write the index; None: the path of the file with ".idx" behind it.

    Returns:
        The number of records.

    Raises:
        InvalidError: the length of a record does not agree with its checksum: no TFRecord file, or a damaged one.
        TruncatedError: the last record is not whole.
        S3DlioError: the file could not be read, or the index not be written.
    """
    uri = _uri(path)
    entries = list(_entries(_Windows(uri), uri))
    put_bytes(_uri(index_path) if index_path is not None else f"{uri}.idx", _text(entries).encode())
    return len(entries)


def index_tfrecord_bytes(data: Buffer) -> str:
    """The text of the index of a whole TFRecord file. Raises as `create_tfrecord_index` does."""
    return _text(_entries(_Whole(data), "the data"))


def read_tfrecord_index(path: Place) -> list[Entry]:
    """The (offset, size) of each record, in bytes, from an index file at a local path or URI.

    Raises:
        InvalidError: a line that is not two numbers.
        S3DlioError: the index could not be read.
    """
    uri = _uri(path)
    entries = []
    for number, line in enumerate(bytes(get(uri)).decode("ascii", "replace").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or not all(word.isdecimal() for word in words):
            raise InvalidError(f"{uri} is no index of a TFRecord file: line {number} is {line[:60]!r}", uri=uri)
        entries.append((int(words[0]), int(words[1])))
    return entries


class _Whole:
    """Data that is in memory."""

    def __init__(self, data: Buffer) -> None:
        try:
            self._data = memoryview(data).cast("B")
        except TypeError as error:
            raise InvalidError(f"the data must be bytes-like and contiguous, not {type(data).__name__}") from error
        self.size = len(self._data)

    def header(self, offset: int) -> memoryview:
        return self._data[offset : offset + _HEADER.size]


class _Windows:
    """An object of any size, of which a window at a time is in memory."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self.size: int = stat(uri)["size"]
        self._start = 0
        self._window = memoryview(b"")

    def header(self, offset: int) -> memoryview:
        end = self._start + len(self._window)
        if not self._start <= offset or offset + _HEADER.size > end:
            near = offset - end < _CHUNK  # the records are short: many lie in what is read at once
            self._start = offset
            self._window = get_range(self._uri, offset, _CHUNK if near else _HEADER.size).memoryview()
        at = offset - self._start
        return self._window[at : at + _HEADER.size]


def _entries(source: _Whole | _Windows, name: str) -> Iterator[Entry]:
    offset = 0
    while offset < source.size:
        header = source.header(offset)
        if len(header) < _HEADER.size:
            raise TruncatedError(f"{name}: the record at byte {offset} ends before its length does")
        length, checksum = _HEADER.unpack(header)
        if _masked(_crc32c(bytes(header[:8]))) != checksum:
            raise InvalidError(f"{name} is no TFRecord file, or damaged: wrong checksum of the length at byte {offset}")
        size = length + _AROUND
        left = source.size - offset
        if size > left:
            raise TruncatedError(f"{name}: the record at byte {offset} has {size} bytes, but {left} are left")
        yield offset, size
        offset += size


def _text(entries: Iterator[Entry] | list[Entry]) -> str:
    return "".join(f"{offset} {size}\n" for offset, size in entries)


def _uri(path: Place) -> str:
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise InvalidError(f"a path must be a str or a path-like object, not {type(text).__name__} ({text!r})")
    return text if "://" in text else f"file://{os.path.abspath(text)}"  # URIs are not percent-encoded here


def _masked(crc: int) -> int:
    """A checksum as TFRecord stores it."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc32c(data: bytes) -> int:
    """CRC-32C of a few bytes (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _table()[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


@functools.cache
def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table
