"""What holds in forked children, one case a run; argument: the case."""

import asyncio
import gc
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import s3dlio
from s3dlio._native import Client, Op, Stream, copies, library, memory_stats
from s3dlio.errors import ClosedError
from s3dlio.listing import Listing
from s3dlio.views import BytesView
from tests.support.forks import c_fork, in_child
from tests.support.mem import held

folder = Path(tempfile.mkdtemp())
CONTENT = bytes(range(256)) * 64
URIS = [f"file://{folder}/{i}" for i in range(20)]
FORKS: list[Callable[[], int]] = [os.fork, c_fork]


def read() -> None:
    """Whatever a process does with the library: read, list, store, in asyncio too."""
    assert [view == CONTENT for _, view in s3dlio.get_many(URIS)] == [True] * len(URIS)
    assert sorted(s3dlio.list(f"file://{folder}/")) == sorted(URIS)
    assert asyncio.run(s3dlio.get_async(URIS[0])) == CONTENT
    s3dlio.put(URIS[1], CONTENT)
    gc.collect()
    assert held() == 0


def after_io() -> None:
    read()
    for fork in FORKS:
        for _ in range(3):
            in_child(read, fork)
            read()


def before_any_io() -> None:
    for fork in FORKS:
        in_child(read, fork)
    read()


def nested() -> None:
    def descend(levels: int) -> None:
        if levels % 2:
            read()
        if levels:
            in_child(lambda: descend(levels - 1), FORKS[levels % 3 == 0])
        read()

    read()
    descend(6)


def nested_with_one_descriptor() -> None:
    """Each child gets its copy under the same number: the dynamic linker must not take it for the one before."""
    inodes: set[int] = set()

    def descend(levels: int) -> None:
        read()
        loaded = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if "libs3dlio" in line]
        mine = {int(columns[4]) for columns in loaded}
        assert len(mine) == len(inodes) + 1, "no library of its own"
        inodes.update(mine)
        if levels:
            in_child(lambda: descend(levels - 1))

    descend(4)


def inherited_views() -> None:
    views = [view for _, view in s3dlio.get_many(URIS)]
    parts = [view[5:] for view in views]
    stats = memory_stats()

    def drop() -> None:
        assert views[0] == CONTENT
        own = s3dlio.get(URIS[0])
        views.clear()
        gc.collect()
        assert parts[3] == CONTENT[5:]
        parts.clear()
        gc.collect()
        assert held() == 1  # its own: what it dropped belongs to nobody here
        assert own == CONTENT
        read_with(own)

    def read_with(own: BytesView) -> None:
        in_child(lambda: list(own))

    in_child(drop, c_fork)
    done = threading.Event()
    threads = [threading.Thread(target=read_on, args=(done,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):  # of a busy parent, whose locks may be held in the moment of the fork
        in_child(drop)
    done.set()
    for thread in threads:
        thread.join()
    gc.collect()
    assert memory_stats()["held"] == stats["held"] == len(views)
    assert all(view == CONTENT for view in views)


def read_on(done: threading.Event) -> None:
    while not done.is_set():
        assert s3dlio.get(URIS[2]) == CONTENT


def inherited_streams() -> None:
    client = Client.get()
    stream = Stream(client, Op.GET, Listing.from_uris(URIS), event_fd=True)
    target = bytearray(len(CONTENT))
    into = Stream(client, Op.GET, Listing.from_uris(URIS[:1]), memory=[target])
    ended = Stream(client, Op.GET, Listing.from_uris([]))
    assert ended.take() == []

    def use() -> None:
        for each in (stream, ended):
            for call in (each.take, each.take_ready, lambda each=each: asyncio.run(each.take_async())):
                with pytest.raises(ClosedError, match=r"fork.*make a new one"):
                    call()
        stream.close()
        read()
        into.close()

    def drop() -> None:
        nonlocal stream, into
        del stream, into
        gc.collect()
        read()
        target.append(0)  # nobody here writes to it

    for fork in FORKS:
        in_child(use, fork)
        in_child(drop, fork)
    assert len(stream.take(len(URIS), len(URIS))) == len(URIS)
    assert into.take()[0].error is None
    assert target == CONTENT


def clients_connect_anew() -> None:
    client = Client.get()
    loaded = library()

    def use() -> None:
        assert Client.get() is client
        assert library() is not loaded
        with Stream(client, Op.GET, Listing.from_uris(URIS)) as stream:
            assert len(stream.take(20, 20)) == 20
        assert memory_stats()["clients"] == 1

    for fork in FORKS:
        in_child(use, fork)


def a_child_knows_at_once() -> None:
    """Not only at its first use: by then a process id may have come again."""
    read()

    def check() -> None:
        assert sys.modules[library.__module__]._process.pid == os.getpid()

    in_child(check)


def closed_descriptors() -> None:
    """As daemons do: the copy that the parent has made for its children is gone, or another file is in its place."""
    read()
    in_child(read)

    def close_all() -> None:
        os.closerange(3, 1000)
        read()
        in_child(read)

    def reuse_all() -> None:
        os.closerange(3, 1000)
        files = [(folder / "0").open("rb") for _ in range(50)]
        read()
        in_child(read)
        assert all(file.read() == CONTENT for file in files)

    in_child(close_all)
    in_child(reuse_all)


def no_execution_in_memory() -> None:
    """Where memory files may not be executed, an unnamed file in a directory does."""
    forbid_memory_files()
    tempfile.tempdir = tempfile.mkdtemp()

    def read_twice() -> None:
        read()
        in_child(read)

    read()
    for fork in FORKS:
        in_child(read_twice, fork)
    assert os.listdir(tempfile.tempdir) == []


def no_execution_anywhere() -> None:
    """Then the child says so, and the parent goes on."""
    read()
    forbid_memory_files()
    copies.tempfile.mkstemp = refuse  # type: ignore[attr-defined]

    def fail() -> None:
        with pytest.raises(OSError, match=r"TMPDIR.*spawn"):
            read()

    for fork in FORKS:
        in_child(fail, fork)
    read()


def forbid_memory_files() -> None:
    os.memfd_create = refuse


def refuse(*_: object, **__: object) -> int:
    raise PermissionError("not here")


def while_other_threads_load() -> None:
    """Threads meet at the first use of the library, while another forks."""
    ready = threading.Barrier(5)

    def use() -> None:
        ready.wait()
        read_one()

    def fork() -> None:
        ready.wait()
        in_child(read_one)

    def read_one() -> None:
        assert s3dlio.get(URIS[0]) == CONTENT

    def attempt() -> None:
        threads = [threading.Thread(target=use) for _ in range(4)] + [threading.Thread(target=fork)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    for _ in range(10):
        in_child(attempt)
    attempt()


def no_descriptor_reaches_other_programs() -> None:
    read()
    in_child(read)
    for _ in range(2):
        in_child(lambda: os.execv("/bin/sh", ["sh", "-c", '! ls -l /proc/self/fd | grep -i "s3dlio\\|eventpoll"']))


for uri in URIS:
    Path(uri.removeprefix("file://")).write_bytes(CONTENT)
globals()[sys.argv[1]]()
print("ok")
