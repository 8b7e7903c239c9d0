"""Writes what never ends, until Ctrl-C; arguments: how, and for "file" the folder."""

import sys
import time
from collections.abc import Callable

import s3dlio
from s3dlio._native import memory_stats
from s3dlio.errors import ClosedError
from tests.support.mem import wait_until_idle

URI = "fault://stall/key"
DATA = bytearray(1_000_000)


def write() -> None:
    with s3dlio.create_writer(URI, part_size=100_000, max_in_flight=2) as writer:
        writer.write(DATA)


def lend() -> None:
    with s3dlio.create_writer(URI, part_size=100_000, max_in_flight=2) as writer:
        writer.write_owned_bytes(DATA)


def finalize() -> None:
    with s3dlio.create_writer(URI) as writer:
        writer.write(b"x")


def flush() -> None:
    with s3dlio.MultipartUploadWriter.from_uri(URI, part_size=100_000) as writer:
        writer.write(bytes(200_000))
        writer.flush()


def close() -> None:
    writer = s3dlio.MultipartUploadWriter.from_uri(URI)
    writer.write(b"x")
    try:
        writer.close()
    except KeyboardInterrupt:
        writer.abort()
        try:
            writer.write(b"x")
        except ClosedError:
            raise KeyboardInterrupt from None


def left() -> None:
    """What was interrupted is not tried again when it is dropped."""
    writer = s3dlio.create_writer(URI)
    writer.write(b"x")
    writer.finalize()


def file() -> None:
    writer = s3dlio.create_writer(f"file://{sys.argv[2]}/object", part_size=100_000)
    writer.write(DATA)
    time.sleep(100)
    del writer


def main(work: Callable[[], None]) -> None:
    s3dlio.put("fault://void/key", b"")  # the library is loaded
    print("writing", flush=True)
    try:
        work()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    DATA.append(1)  # resizable: nothing uses it any more
    wait_until_idle()
    assert memory_stats()["writers"] == 0
    print("ok")


main({f.__name__: f for f in (write, lend, finalize, flush, close, left, file)}[sys.argv[1]])
