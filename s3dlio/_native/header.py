"""The ABI, read from the header that the library was compiled against."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

from cffi import FFI

CHECKOUT = Path(__file__).parents[2]
HEADER_IN_CHECKOUT = CHECKOUT / "gosrc/capi/s3dlio.h"
HEADER_IN_WHEEL = Path(__file__).with_name("s3dlio.h")


def in_checkout() -> bool:
    """Whether this package is used from the place where its library is built."""
    return HEADER_IN_CHECKOUT.exists() and (CHECKOUT / "go.mod").exists()


@functools.cache
def ffi() -> Any:
    """The FFI of the header. Parsing it takes a tenth of a second, so it waits for the first use."""
    header = HEADER_IN_CHECKOUT if in_checkout() else HEADER_IN_WHEEL
    made = FFI()
    made.cdef(_without_preprocessor(header.read_text()))
    return made


def address_of(c: Any, name: str) -> int:
    """Address of a function of a loaded library."""
    return int(ffi().cast("uintptr_t", ffi().addressof(c, name)))


def quick_function(c: Any, name: str, result: Any, *arguments: Any) -> Any:
    """A function that returns at once, of ctypes types, to be called without giving up the interpreter lock.

    To get it back can take 5 ms where another thread computes.
    """
    return ctypes.PYFUNCTYPE(result, *arguments)(address_of(c, name))


def _without_preprocessor(text: str) -> str:
    """The text without its # lines, other than integer constants, which cffi understands."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("#") or _is_constant(line))


def _is_constant(line: str) -> bool:
    words = line.split()
    return words[0] == "#define" and len(words) == 3 and words[2].isdigit()
