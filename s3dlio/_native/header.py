"""The ABI of the header that the library was compiled against, as cffi needs it.

An installed package has it ready-made: the build turns the header into the module `_abi`, for to parse a header takes
cffi a tenth of a second, in every process. In a checkout, where the header may change at any time, it is parsed.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
HEADER_IN_CHECKOUT = CHECKOUT / "gosrc/capi/s3dlio.h"
MODULE = "_abi"


def in_checkout() -> bool:
    """Whether this package is used from the place where its library is built."""
    return HEADER_IN_CHECKOUT.exists() and (CHECKOUT / "go.mod").exists()


@functools.cache
def ffi() -> Any:
    """The FFI of the header."""
    if in_checkout():
        return _parsed(HEADER_IN_CHECKOUT)
    return importlib.import_module(f"{__package__}.{MODULE}").ffi


def write_module(header: Path, folder: Path) -> Path:
    """Turn a header into the module that `ffi` uses outside of a checkout; for the build."""
    made = _parsed(header)
    made.set_source(MODULE, None)
    path = folder / f"{MODULE}.py"
    made.emit_python_code(str(path))
    return path


def address_of(c: Any, name: str) -> int:
    """Address of a function of a loaded library."""
    return int(ffi().cast("uintptr_t", ffi().addressof(c, name)))


def quick_function(c: Any, name: str, result: Any, *arguments: Any) -> Any:
    """A function that returns at once, of ctypes types, to be called without giving up the interpreter lock.

    To get it back can take 5 ms where another thread computes.
    """
    return ctypes.PYFUNCTYPE(result, *arguments)(address_of(c, name))


def _parsed(header: Path) -> Any:
    from cffi import FFI  # with a parser of C: not needed but here

    made = FFI()
    made.cdef(_without_preprocessor(header.read_text()))
    return made


def _without_preprocessor(text: str) -> str:
    """The text without its # lines, other than integer constants, which cffi understands."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("#") or _is_constant(line))


def _is_constant(line: str) -> bool:
    words = line.split()
    return words[0] == "#define" and len(words) == 3 and words[2].isdigit()
