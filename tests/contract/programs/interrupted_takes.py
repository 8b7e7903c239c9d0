"""Signals interrupt a consumer hundreds of times, wherever they happen to come: no item is lost or comes twice.

Python 3.10 looks for signals between the return of a function and the use of its result: there items may be lost.
"""

import gc
import random
import signal
import sys
import time
from itertools import pairwise
from types import FrameType

from s3dlio._native import Client, Item, Op, Stream
from s3dlio.listing import Listing
from tests.support.mem import MemBucket, wait_until_idle

COUNT = 60_000


class Interrupted(BaseException):
    pass


armed = False


def interrupt(signum: int, frame: FrameType | None) -> None:
    global armed
    if armed:
        armed = False
        raise Interrupted


def check(items: list[Item]) -> None:
    found = [item.index for item in items]
    if sys.version_info < (3, 11):
        assert all(first < second for first, second in pairwise(found)), "an item came twice"
    else:
        assert found == list(range(COUNT)), "an item was lost, or came twice"
    assert all(item.view == b"%d" % (item.index % 100) for item in items[::97])


def take_all(stream: Stream, items: list[Item]) -> None:
    before = -1
    while len(items) > before:
        before = len(items)
        items += stream.take(3, 50)


def consume(listing: Listing) -> int:
    global armed
    items: list[Item] = []
    interrupts = 0
    stream = Stream(Client.get(), Op.GET, listing, order=[i % 100 for i in range(COUNT)])
    while not stream.finished:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00002, 0.002))
        try:
            armed = True
            take_all(stream, items)
            armed = False
        except Interrupted:
            interrupts += 1
    check(items)
    return interrupts


def main() -> None:
    bucket = MemBucket()
    listing = Listing.from_uris([bucket.put(f"{i}", b"%d" % i) for i in range(100)])
    signal.signal(signal.SIGALRM, interrupt)
    interrupts = 0
    deadline = time.monotonic() + 120
    while interrupts < 500:
        assert time.monotonic() < deadline
        interrupts += consume(listing)
    gc.collect()
    wait_until_idle()
    print("ok", interrupts)


main()
