"""Ends while views, arrays, streams, clients and iterators are alive, in cycles too; argument: "fork" ends a child."""

import asyncio
import os
import sys

import numpy as np

import s3dlio
from s3dlio._native import Client, Op, Stream, StreamOptions, list_pages
from s3dlio.listing import Listing
from tests.support.mem import MemBucket

if sys.argv[1:] == ["fork"]:
    kept = s3dlio.get(f"file://{__file__}")
    if pid := os.fork():
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

bucket = MemBucket()
uris = [bucket.put(f"{i:04d}", b"x" * i) for i in range(2000)]
client = Client.get()
view = s3dlio.get(uris[5])
array = np.frombuffer(view, np.uint8)  # type: ignore[call-overload]
part = view[1:]
fresh = Stream(client, Op.GET, Listing.from_uris(uris), options=StreamOptions(prefetch=100))
halfway = Stream(client, Op.GET, Listing.from_uris(uris), options=StreamOptions(prefetch=100))
items = halfway.take()
target = bytearray(5000)
into = Stream(client, Op.GET, Listing.from_uris(uris[:3]), memory=[target, bytearray(5000), bytearray(5000)])
pages = list_pages(client, bucket.uri())
next(pages)
loop = asyncio.new_event_loop()
watched = Stream(client, Op.GET, Listing.from_uris(uris), event_fd=True)
loop.run_until_complete(watched.take_async(3, 3))
loop.close()
cycle: list[object] = [view, halfway, Stream(client, Op.GET, Listing.from_uris(uris))]
cycle.append(cycle)
sys.modules["kept"] = cycle  # type: ignore[assignment]
print("end", flush=True)
