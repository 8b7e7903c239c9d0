"""The Python type of views, made out of two C functions of the library.

Nothing in pure Python will do. A class with ``__buffer__`` (Python 3.12) does not outlive its export, which is what
torch.frombuffer asks of it; a ctypes array crashes ``memoryview == array`` and needs a type for each size. So the type
is made with PyType_FromSpec, which together with all that is used here belongs to CPython's stable ABI.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from s3dlio._native.header import address_of, ffi
from s3dlio.views import BytesView

_DEFAULT, _BASETYPE = 1 << 18, 1 << 10  # Py_TPFLAGS_*
_BF_GETBUFFER, _TP_DEALLOC, _TP_MEMBERS = 1, 52, 72  # typeslots.h
_ULONGLONG = 18  # structmember.h
_FIELDS = (b"_address", b"_length", b"_buffer")  # of s3d_view, eight bytes each


class _Member(ctypes.Structure):  # PyMemberDef
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


class _Slot(ctypes.Structure):  # PyType_Slot
    _fields_ = [("slot", ctypes.c_int), ("function", ctypes.c_void_p)]


class _Spec(ctypes.Structure):  # PyType_Spec
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(_Slot)),
    ]


_from_spec = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.POINTER(_Spec))(("PyType_FromSpec", ctypes.pythonapi))


def make_view_type(c: Any) -> type[LibraryView]:
    """Make the type of the views of one loaded library, whose functions are `c`."""
    header = object.__basicsize__
    _hand_over_python(c, header)
    members = (_Member * (len(_FIELDS) + 1))(
        *(_Member(name, _ULONGLONG, header + 8 * i, 0, None) for i, name in enumerate(_FIELDS))
    )
    slots = (_Slot * 4)(
        _Slot(_BF_GETBUFFER, address_of(c, "s3d_view_get_buffer")),
        _Slot(_TP_DEALLOC, address_of(c, "s3d_view_dealloc")),
        _Slot(_TP_MEMBERS, ctypes.addressof(members)),
    )
    spec = _Spec(b"s3dlio.views.Exporter", header + 8 * len(_FIELDS), 0, _DEFAULT | _BASETYPE, slots)
    exporter: Any = _from_spec(spec)
    kept = {"__slots__": ("_owner",), "__module__": "s3dlio.views", "_spec": (spec, slots, members)}
    return type("BytesView", (LibraryView, exporter), kept)


def _hand_over_python(c: Any, header: int) -> None:
    python = ffi().new("s3d_python *")
    python.fill_info = _api("PyBuffer_FillInfo")
    python.type_of = _api("PyObject_Type")
    python.get_slot = _api("PyType_GetSlot")
    python.dec_ref = _api("Py_DecRef")
    python.header = header
    c.s3d_view_setup(python)


def _api(name: str) -> Any:
    """Pointer to a function of the Python API."""
    address = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
    return ffi().cast("void *", address)


class LibraryView(BytesView):
    """A view of a buffer of the library, or of a part of one.

    Attributes:
        _address: where the bytes are.
        _length: how many there are.
        _buffer: handle of the buffer that goes back to the library with this object; 0: none.
        _owner: what keeps the memory: of a part, the view that it is a part of; of joined views, these.
    """

    if not TYPE_CHECKING:
        __slots__ = ()  # the exporter has the first three, the subclass the last

    _address: int
    _length: int
    _buffer: int
    _owner: object

    def __len__(self) -> int:
        return self._length

    def _part(self, start: int, length: int) -> LibraryView:
        part = type(self)()
        part._address, part._length = self._address + start, length
        part._owner = getattr(self, "_owner", self)
        return part

    def _joined(self, views: Sequence[BytesView]) -> LibraryView | None:
        end = self._address
        for view in views:
            if type(view) is not type(self) or view._address != end:
                return None
            end += view._length
        whole = type(self)()
        whole._address, whole._length = self._address, end - self._address
        whole._owner = tuple(views)
        return whole
