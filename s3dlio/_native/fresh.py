"""`FreshBytes`: a bytes object that the library fills before anybody sees it, so that reading bytes copies nothing.

What is used here is CPython's C API for making bytes: PyBytes_FromStringAndSize(NULL, n) and _PyBytes_Resize, which are
for an object that has one owner.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_int, c_ssize_t, c_void_p, py_object
from typing import TYPE_CHECKING

from s3dlio._native.header import ffi

if TYPE_CHECKING:
    from typing_extensions import Buffer

_new = ctypes.PYFUNCTYPE(c_void_p, c_void_p, c_ssize_t)(("PyBytes_FromStringAndSize", ctypes.pythonapi))
_content = ctypes.PYFUNCTYPE(c_void_p, c_void_p)(("PyBytes_AsString", ctypes.pythonapi))
_resize = ctypes.PYFUNCTYPE(c_int, ctypes.POINTER(c_void_p), c_ssize_t)(("_PyBytes_Resize", ctypes.pythonapi))
_release = ctypes.PYFUNCTYPE(None, c_void_p)(("Py_DecRef", ctypes.pythonapi))


class FreshBytes:
    """Uninitialised memory of `size` bytes, more than 0, that becomes a bytes object.

    It is what GET may write to. `take` makes it bytes, once nobody writes any more.

    Attributes:
        address: of the memory.
    """

    __slots__ = ("_object", "_size", "address")

    def __init__(self, size: int) -> None:
        self._object: int | None = None
        self._object = _new(None, size)
        self._size = size
        self.address: int = _content(self._object)

    def __len__(self) -> int:
        return self._size

    def part(self, offset: int, length: int) -> FreshPart:
        """The place of some of the bytes."""
        return FreshPart(self, offset, length)

    def put(self, offset: int, data: Buffer) -> None:
        """Copy what is there already to its place, which must have room for it."""
        ffi().memmove(ffi().cast("char *", self.address + offset), data, memoryview(data).nbytes)

    def take(self, length: int | None = None) -> bytes:
        """The bytes, or the first `length` of them. Nothing is left here afterwards."""
        owner = c_void_p(self._object)
        self._object = None
        if length is not None and length != self._size:
            _resize(byref(owner), length)
        try:
            made: bytes = ctypes.cast(owner, py_object).value
        finally:
            _release(owner)
        return made

    def __del__(self) -> None:
        if self._object is not None:
            _release(self._object)


class FreshPart:
    """A part of `FreshBytes`, which it keeps.

    Attributes:
        address: of its first byte.
    """

    __slots__ = ("_length", "_whole", "address")

    def __init__(self, whole: FreshBytes, offset: int, length: int) -> None:
        self._whole = whole
        self._length = length
        self.address = whole.address + offset

    def __len__(self) -> int:
        return self._length


Fresh = FreshBytes | FreshPart
