"""Reads what arrives too slowly to ever end, until Ctrl-C; argument: how it reads."""

import asyncio
import sys
import time
from collections.abc import Callable

import s3dlio
from s3dlio._native import Client, Op, Stream, library
from s3dlio.listing import Listing

URI = "fault://slow/100000000"
target = bytearray(100_000_000)


def get() -> None:
    s3dlio.get(URI)


def get_many() -> None:
    s3dlio.get_many([URI] * 100)


def iterate() -> None:
    for _ in Stream(Client.get(), Op.GET, Listing.from_uris([URI])).take():
        pass


def into_memory() -> None:
    with Stream(Client.get(), Op.GET, Listing.from_uris([URI]), memory=[target]) as stream:
        stream.take()


def in_asyncio() -> None:
    asyncio.run(_main())


async def _main() -> None:
    await s3dlio.get_async(URI)


def main(read: Callable[[], None]) -> None:
    print("reading", flush=True)
    try:
        read()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    deadline = time.monotonic() + 60
    while not library().return_leases(0.1):
        assert time.monotonic() < deadline, "the library never lets go"
    target.append(1)  # resizable: nothing uses it any more


main({f.__name__: f for f in (get, get_many, iterate, into_memory, in_asyncio)}[sys.argv[1]])
