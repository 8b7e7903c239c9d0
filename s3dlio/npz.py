"""Archives of numpy arrays: made without numpy (`generate_npz_bytes`), read with it (`read_npz`)."""

from __future__ import annotations

import io
import math
import os
import re
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from s3dlio import _zip
from s3dlio._native.generator import ALL_BITS, Pattern
from s3dlio._plans import get, integer, not_huge, positive, run
from s3dlio.errors import InvalidError
from s3dlio.views import BytesView, blank

if TYPE_CHECKING:
    import numpy as np
    from typing_extensions import Unpack

    from s3dlio.options import ClientOptions

__all__ = ["generate_npz_bytes", "read_npz"]

_NAMES = {"bool": "b1", "float16": "f2", "float32": "f4", "float64": "f8", "complex64": "c8", "complex128": "c16"} | {
    f"{name}{8 * size}": f"{name[0]}{size}" for name in ("int", "uint") for size in (1, 2, 4, 8)
}
_CODE = re.compile(r"([<>|=]?)(b1|[iu](?:1|2|4|8)|f(?:2|4|8)|c(?:8|16))")


def generate_npz_bytes(
    shape: Iterable[int], dtype: Any = "<f4", num_samples: int = 1, *, seed: int | None = None
) -> BytesView:
    """Make an .npz archive of two arrays: ``x`` of random data, and ``y``, int64 zeros, a label for each sample.

    numpy is not needed. Random floats are finite, between -2 and 2.

    Args:
        shape: of x.
        dtype: of x, as numpy writes it, such as "<f4", "|u1" or "float32"; or a numpy dtype. Numbers and booleans only.
        num_samples: length of y.
        seed: the same seed gives the same archive. None: another one at each call.

    Raises InvalidError for a wrong type or number.
    """
    code, dimensions, labels = _code(dtype), _dimensions(shape), positive("num_samples", num_samples)
    chosen = (int.from_bytes(os.urandom(8), "little") if seed is None else integer("seed", seed)) & ALL_BITS
    not_huge("8 * num_samples", 8 * labels)
    random = Pattern(not_huge("the size of x", math.prod(dimensions) * int(code[2:])), 1, 1, chosen, _finite(code))
    heads = {b"x.npy": _array_header(code, dimensions), b"y.npy": _array_header("<i8", (labels,))}
    members, at = [], 0
    for (name, head), payload in zip(heads.items(), (random.size, 8 * labels), strict=True):
        members.append(_zip.Member(name, len(head) + payload, at))
        at += len(members[-1].header(0)) + members[-1].size
    directory = sum(len(member.entry(0)) for member in members)
    view = blank(at + directory + len(_zip.end(len(members), directory, at)))
    with memoryview(view) as memory:
        for member in members:
            content = member.at + len(member.header(0))
            head = heads[member.name]
            memory[content : content + len(head)] = head
            if member.name == b"x.npy":
                random.fill(memory[content + len(head) : content + member.size])
            crc = zlib.crc32(memory[content : content + member.size])
            memory[member.at : content] = member.header(crc)
            entry = member.entry(crc)
            memory[at : at + len(entry)] = entry
            at += len(entry)
        memory[at:] = _zip.end(len(members), directory, at - directory)
    return view


def _code(dtype: Any) -> str:
    """The dtype as numpy writes it to files."""
    text = getattr(dtype, "str", dtype)  # numpy's own have it
    if isinstance(text, type):
        text = {bool: "b1", int: "i8", float: "f8", complex: "c16"}.get(text, text.__name__)
    found = _CODE.fullmatch(_NAMES.get(text, text)) if isinstance(text, str) else None
    if found is None:
        raise InvalidError(
            f"generate_npz_bytes: dtype must be one of numbers or booleans, such as '<f4' or 'uint8', not {dtype!r}"
        )
    order, kind = found.groups()
    if kind[1:] == "1":
        return f"|{kind}"
    return (">" if order == ">" else "<") + kind


def _dimensions(shape: Iterable[int]) -> tuple[int, ...]:
    if isinstance(shape, (str, bytes)) or not isinstance(shape, Iterable):
        raise InvalidError(f"generate_npz_bytes: shape must be a list of ints, not {shape!r}")
    dimensions = tuple(integer("shape", each) for each in shape)
    if any(each < 0 for each in dimensions):
        raise InvalidError(f"generate_npz_bytes: shape must not be negative, but is {dimensions}")
    return dimensions


def _finite(code: str) -> int:
    """A mask of 8 bytes that leaves of floats out the highest bit of the exponent, and of booleans all but one."""
    kind, size = code[1], int(code[2:])
    if kind == "b":
        return ALL_BITS // 255
    if kind not in "fc":
        return ALL_BITS
    size = size // 2 if kind == "c" else size
    number = b"\xff" * (size - 1) + b"\xbf"
    return int.from_bytes((number if code[0] == "<" else number[::-1]) * (8 // size), "little")


def _array_header(code: str, shape: tuple[int, ...]) -> bytes:
    """What an .npy file has in front of its numbers (version 1.0)."""
    text = f"{{'descr': '{code}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    start = b"\x93NUMPY\x01\x00"
    length = -(-(len(start) + 2 + len(text) + 1) // 64) * 64 - len(start) - 2
    return start + length.to_bytes(2, "little") + text.ljust(length - 1) + b"\n"


def read_npz(uri: str, array_name: str | None = None, **options: Unpack[ClientOptions]) -> np.ndarray[Any, Any]:
    """Read an array of an .npz archive, of any scheme; numpy must be installed.

    Args:
        uri: the archive; an .npy file is an archive of one array without a name.
        array_name: which array. None: the first.
        options: those of the client (docs/options.md).

    Raises:
        ImportError: numpy is not installed.
        InvalidError: it is no such archive, has no such array, or the array holds Python objects.
    """
    import tokenize
    import zipfile

    # what numpy raises on something else: it reads a header as Python text
    no_archive = (ValueError, EOFError, OSError, RuntimeError, SyntaxError)
    damaged = (tokenize.TokenError, zipfile.BadZipFile, zlib.error)
    try:
        import numpy as np
    except ImportError as error:
        raise ImportError("read_npz needs numpy: pip install 's3dlio[numpy]'") from error
    view = run(options, get, uri, 0, None)
    try:
        found = np.load(io.BytesIO(view), allow_pickle=False)
        arrays = {None: found} if isinstance(found, np.ndarray) else found
        names = list(arrays)
        chosen = names[0] if array_name is None and names else array_name
        array: np.ndarray[Any, Any] | None = arrays[chosen] if chosen in names else None
    except (*no_archive, *damaged) as error:
        raise InvalidError(f"read_npz {uri}: it is no archive of plain numpy arrays: {error}", uri=uri) from error
    if array is None:
        raise InvalidError(f"read_npz {uri}: there is no array {array_name!r}, only {names}", uri=uri)
    return array
