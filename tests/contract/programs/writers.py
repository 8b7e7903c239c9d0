"""What holds of writers in a process of its own, one case a run; arguments: the case, and an empty folder."""

import gc
import multiprocessing
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

import s3dlio
from s3dlio._native import memory_stats
from s3dlio.errors import ClosedError, InternalError, NoSpaceError
from tests.support.forks import c_fork, in_child
from tests.support.mem import wait_until_idle

MIB = 1 << 20
folder = sys.argv[2] if len(sys.argv) > 2 else ""
FORKS: list[Callable[[], int]] = [os.fork, c_fork]
DATA = bytes(range(256)) * 1200
SMALL = {"part_size": 64 << 10, "max_in_flight": 2}


def inherited_writers() -> None:
    """A child can neither use nor end what its parent writes."""
    for number, fork in enumerate(FORKS):
        uri = f"file://{folder}/{number}"
        writer = s3dlio.create_writer(uri, SMALL)
        dropped = s3dlio.MultipartUploadWriter.from_uri(uri + "-dropped", part_size=64 << 10)
        kept: list[s3dlio.ObjectWriter | s3dlio.MultipartUploadWriter] = [writer, dropped]
        for open_one in kept:
            open_one.write(DATA)
        in_child(partial(_use_inherited, kept), fork)
        pid = fork()
        if pid == 0:
            sys.exit(3)  # does what is to be done at the end of a program
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
        writer.write(DATA)
        dropped.write(DATA)
        assert writer.finalize() == (2 * len(DATA),) * 2
        dropped.close()
        for suffix in ("", "-dropped"):
            assert bytes(s3dlio.get(uri + suffix)) == DATA * 2


def _use_inherited(kept: list[s3dlio.ObjectWriter | s3dlio.MultipartUploadWriter]) -> None:
    writer, dropped = kept
    assert isinstance(writer, s3dlio.ObjectWriter)
    assert isinstance(dropped, s3dlio.MultipartUploadWriter)
    calls = (writer.finalize, writer.abort, writer.bytes_written, dropped.close, dropped.abort, dropped.flush)
    for call in (*calls, partial(writer.write, b"x"), partial(dropped.reserve, 1)):
        with pytest.raises(ClosedError, match="does not survive the fork") as caught:
            call()
        assert str(caught.value.uri).startswith(f"file://{folder}/")
    kept.clear()
    del writer, dropped, call, calls
    gc.collect()


def children_write() -> None:
    s3dlio.put(f"file://{folder}/parent", DATA)
    for number, fork in enumerate(FORKS):
        uri = f"file://{folder}/{number}"

        def write(uri: str = uri) -> None:
            with s3dlio.create_writer(uri, SMALL) as writer:
                writer.write(DATA)

        in_child(write, fork)
        assert bytes(s3dlio.get(uri)) == DATA


def _left_in_process(uri: str) -> None:
    writer = s3dlio.create_writer(uri, SMALL)
    writer.write(DATA)
    sys.modules["kept"] = writer  # type: ignore[assignment]


def processes_of_multiprocessing() -> None:
    """They end without what atexit knows."""
    s3dlio.put(f"file://{folder}/parent", DATA)
    for method in ("fork", "spawn"):
        uri = f"file://{folder}/{method}"
        multiprocessing.set_start_method(method, force=True)
        process = multiprocessing.Process(target=_left_in_process, args=(uri,))
        process.start()
        process.join()
        assert process.exitcode == 0
        assert bytes(s3dlio.get(uri)) == DATA


def threads() -> None:
    """Each call of a thread is carried out as a whole."""
    records = [bytes([number]) * 10_000 for number in range(8)]
    with s3dlio.create_writer(f"file://{folder}/shared", SMALL) as writer:
        all_threads = [threading.Thread(target=_write_many, args=(writer, record)) for record in records]
        for thread in all_threads:
            thread.start()
        for thread in all_threads:
            thread.join()
    stored = bytes(s3dlio.get(f"file://{folder}/shared"))
    found = sorted(stored[i : i + 10_000] for i in range(0, len(stored), 10_000))
    assert found == sorted(records * 20)


def _write_many(writer: s3dlio.ObjectWriter, data: bytes) -> None:
    for _ in range(20):
        writer.write(data)


def _write_and_finalize(writer: s3dlio.ObjectWriter, data: bytes, count: int = 1) -> None:
    for _ in range(count):
        writer.write(data)
    writer.finalize()


def errors_of_parts() -> None:
    """A failed part shows at a later call, and then at each; nothing is published."""
    writer = s3dlio.create_writer("fault://full/key", SMALL)
    with pytest.raises(NoSpaceError, match="fault://full/key"):
        _write_and_finalize(writer, DATA, 1000)
    for call in (writer.finalize, writer.finalize, partial(writer.write, b"x")):
        with pytest.raises(NoSpaceError, match="no space"):
            call()
    writer.abort()
    small = s3dlio.create_writer("fault://full/key")
    small.write(b"x")
    with pytest.raises(NoSpaceError):
        small.finalize()
    with pytest.raises(NoSpaceError), s3dlio.MultipartUploadWriter.from_uri("fault://full/key", part_size=1000) as old:
        old.write(DATA)
    del writer, small, old, call
    wait_until_idle()


def panics() -> None:
    for size in (10, len(DATA)):
        writer = s3dlio.create_writer("fault://panic/key", SMALL)
        with pytest.raises(InternalError, match="a fault that was asked for"):
            _write_and_finalize(writer, DATA[:size])
        del writer
    wait_until_idle()


def stalled_drop() -> None:
    """What is dropped with abort_on_drop does not wait for parts that never end, and gives all memory back."""
    writer = s3dlio.MultipartUploadWriter.from_uri("fault://stall/key", part_size=64 << 10, max_in_flight=8)
    data = bytes(400_000)
    writer.write(data)
    assert memory_stats()["buffers"]["in_use"] > 0
    del writer
    wait_until_idle()


def buffer_size() -> None:
    """Parts that never end: what is accepted is what there is memory for."""
    accepted = {}
    for size in (1 * MIB, 4 * MIB, None):
        writer = s3dlio.create_writer("fault://stall/key", part_size=MIB, max_in_flight=8, buffer_size=size)
        before = memory_stats()["buffers"]["in_use"]
        thread = threading.Thread(target=_write_until_closed, args=(writer,))
        thread.start()
        accepted[size] = _settled(lambda: memory_stats()["buffers"]["in_use"] - before)  # noqa: B023
        writer.abort()
        thread.join()
    assert accepted == {1 * MIB: 1 * MIB, 4 * MIB: 4 * MIB, None: 9 * MIB}, accepted


def _write_until_closed(writer: s3dlio.ObjectWriter) -> None:
    with pytest.raises(ClosedError):
        writer.write(bytes(32 * MIB))


def _settled(number: Callable[[], int]) -> int:
    """A number, once it has been the same for a while."""
    last, same = -1, 0
    while same < 20:
        same = same + 1 if number() == last and last > 0 else 0
        last = number()
        time.sleep(0.01)
    return last


def memory() -> None:
    """A gigabyte takes no more memory than its parts."""
    piece = bytes(range(256)) * 4096
    options = {"part_size": 8 * MIB, "max_in_flight": 4}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for compression in (None, "lz4"):
        with s3dlio.create_writer("fault://void/key", options, compression=compression) as writer:
            for _ in range(1024 if compression is None else 128):
                writer.write(piece)
    assert writer.bytes_written() == 128 * MIB
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    assert grown < 100, f"{grown} MiB"


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    print("ok")
