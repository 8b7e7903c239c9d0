"""BytesView behaves as bytes do, shares its memory and keeps it alive: views of the library, and copies."""

from __future__ import annotations

import copy
import ctypes
import gc
import hashlib
import io
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import s3dlio
from s3dlio.views import BytesView
from tests.support.mem import MemBucket, held, wait_until_idle

Make = Callable[[bytes], BytesView]


def fetched(content: bytes) -> BytesView:
    """A view of a buffer of the library."""
    return s3dlio.get(MemBucket().put("key", content))


def array_over(view: BytesView) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """What users write; numpy's type hints name only builtin buffers."""
    return np.frombuffer(view, dtype=np.uint8)  # type: ignore[call-overload, no-any-return]


@pytest.fixture(params=[fetched, BytesView.copy_of])
def make(request: pytest.FixtureRequest) -> Make:
    """Both kinds of view."""
    chosen: Make = request.param
    return chosen


def test_reads_as_bytes(make: Make) -> None:
    view = make(b"hello")
    assert isinstance(view, BytesView)
    assert len(view) == 5
    assert bytes(view) == view.tobytes() == view.to_bytes() == b"hello"
    assert bytearray(view) == b"hello"
    assert list(view) == list(b"hello")
    assert view[1] == view[-4] == ord("e")
    assert hashlib.sha256(view).digest() == hashlib.sha256(b"hello").digest()
    file = io.BytesIO()
    file.write(view)
    assert file.getvalue() == b"hello"
    with pytest.raises(IndexError):
        view[5]


def test_memoryview_is_writable_plain_bytes_in_place(make: Make) -> None:
    view = make(b"hello")
    for seen in (memoryview(view), view.memoryview()):
        assert (seen.format, seen.itemsize, seen.shape, seen.strides) == ("B", 1, (5,), (1,))
        assert not seen.readonly
        assert seen.c_contiguous
    memoryview(view)[0] = ord("j")
    view[-1] = ord("y")
    assert view == b"jelly"


def test_slices(make: Make) -> None:
    view = make(b"0123456789")
    assert bytes(view[2:8][1:-1]) == b"3456"
    assert bytes(view[::2]) == b"02468"
    assert bytes(view[::-1]) == b"9876543210"
    assert bytes(view[7:3]) == b""
    assert bytes(view[-100:100]) == b"0123456789"
    assert isinstance(view[::2][1:], BytesView)


def test_equality_with_whatever_is_bytes_like(make: Make) -> None:
    view = make(b"hello")
    equal = [b"hello", bytearray(b"hello"), memoryview(b"hello"), memoryview(b"h-e-l-l-o-")[::2], make(b"hello")]
    for other in equal:
        assert view == other
        assert other == view
    for different in (b"hellp", b"hell", "hello", 5, None):
        assert view != different
    long = bytes(range(256)) * 8192
    assert make(long) == long
    assert make(long) != long[:-1] + b"x"


def test_mutable_so_no_hash(make: Make) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(make(b"hello"))


def test_repr_shows_no_content(make: Make) -> None:
    assert repr(make(b"secret")) == "<BytesView of 6 bytes>"


def test_empty(make: Make) -> None:
    view = make(b"")
    for seen in (view, make(b"abc")[3:], pickle.loads(pickle.dumps(view))):
        assert len(seen) == 0
        assert bytes(seen) == b""
        assert memoryview(seen).nbytes == 0
        assert seen == b""
        assert not list(seen)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_as_a_copy(make: Make, protocol: int) -> None:
    view = make(b"hello")
    restored = pickle.loads(pickle.dumps(view[1:], protocol))
    assert isinstance(restored, BytesView)
    view[1] = ord("u")
    assert bytes(restored) == b"ello"
    memoryview(restored)[0] = ord("a")
    assert bytes(view) == b"hullo"


def test_pickles_out_of_band(make: Make) -> None:
    buffers: list[pickle.PickleBuffer] = []
    text = pickle.dumps(make(b"hello"), 5, buffer_callback=buffers.append)
    assert b"hello" not in text
    assert pickle.loads(text, buffers=buffers) == b"hello"


def test_copies_are_independent(make: Make) -> None:
    view = make(b"hello")
    for other in (copy.copy(view), copy.deepcopy(view), BytesView.copy_of(view)):
        view[0] = ord("j")
        assert bytes(other) == b"hello"
        view[0] = ord("h")


def test_numpy_sees_the_same_memory(make: Make) -> None:
    view = make(b"hello")
    array = array_over(view)
    assert array.flags.writeable
    array[0] = ord("j")
    assert bytes(view) == b"jello"
    assert np.asarray(view).dtype == np.uint8


# What follows is about the memory of the library.


def test_slices_share_memory_and_keep_it() -> None:
    view = fetched(b"0123456789")
    inner = view[2:8][1:-1]
    inner[0] = ord("x")
    assert bytes(view) == b"012x456789"
    del view
    gc.collect()
    assert held() == 1
    assert bytes(inner) == b"x456"
    del inner
    wait_until_idle()


def test_memory_goes_back_with_the_last_user_and_not_before() -> None:
    content = bytes(range(256)) * 1024
    bucket = MemBucket()
    uri = bucket.put("key", content)
    view = s3dlio.get(uri)
    users: list[object] = [memoryview(view), array_over(view), view[100:], memoryview(view[5:])[7:]]
    del view
    while users:
        others = [s3dlio.get(uri) for _ in range(3)]  # would be given the memory, were it free
        for other in others:
            memoryview(other)[:] = bytes(len(other))
        assert bytes(users[0]) == content[-memoryview(users[0]).nbytes :]  # type: ignore[call-overload, arg-type]
        del users[0], others, other
        gc.collect()
        assert held() == bool(users)
    wait_until_idle()


def test_each_buffer_is_given_back_once() -> None:
    uri = MemBucket().put("key", b"a" * 5000)
    for _ in range(3):
        first = s3dlio.get(uri)
        address = array_over(first).ctypes.data
        del first
        second = s3dlio.get(uri)  # the pool gives the same memory out again
        assert array_over(second).ctypes.data == address
        gc.collect()
        third = s3dlio.get(uri)
        assert array_over(third).ctypes.data != address
        del second, third
    wait_until_idle()


class Buffer(ctypes.Structure):
    """The beginning of Py_buffer."""

    _fields_ = [("buf", ctypes.c_void_p), ("obj", ctypes.c_void_p), ("rest", ctypes.c_char * 80)]


def test_the_exporter_alone_keeps_the_memory() -> None:
    """What torch.frombuffer does: it keeps the object that exported the buffer, and gives the export back."""
    get = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)(
        ("PyObject_GetBuffer", ctypes.pythonapi)
    )
    release = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(("PyBuffer_Release", ctypes.pythonapi))
    view = fetched(b"hello")
    buffer = Buffer()
    assert get(view, ctypes.addressof(buffer), 1) == 0
    address = buffer.buf
    exporter = ctypes.cast(buffer.obj, ctypes.py_object).value
    release(ctypes.addressof(buffer))
    del view
    gc.collect()
    assert held() == 1
    assert ctypes.string_at(address, 5) == b"hello"
    del exporter
    wait_until_idle()


def test_the_cyclic_collector_takes_no_memory_from_whoever_still_reads_it() -> None:
    """In a cycle it calls finalizers first: the buffer must not go back there, but with the last reference."""
    read = []

    class Sample:
        def __init__(self, view: BytesView) -> None:
            self.view, self.itself = view, self

        def __del__(self) -> None:
            read.append((held(), bytes(self.view)))

    sample = Sample(fetched(b"hello"))
    del sample
    gc.collect()
    assert read == [(1, b"hello")]
    wait_until_idle()


def test_one_type_for_all_sizes() -> None:
    """A type for each size would cost more than the fetch, and memory where the cyclic collector is off."""
    assert type(fetched(b"1")) is type(fetched(b"22")) is type(fetched(b"333")[1:])


def test_views_leave_no_reference_to_their_type() -> None:
    uri = MemBucket().put("key", b"hello")
    kind = type(s3dlio.get(uri))
    before = sys.getrefcount(kind)
    for _ in range(200):
        s3dlio.get(uri)[1:3]
    gc.collect()
    assert sys.getrefcount(kind) == before
