"""Ends while the library writes to a mapping that goes away with the interpreter; the process itself lives a while.

Argument: how many seconds the end may wait for the library.
"""

import ctypes
import mmap
import sys
import time

from s3dlio._native import Client, Op, Stream
from s3dlio._native import library as loading
from s3dlio.listing import Listing

LENGTH = 1_000_000
EXIT_CODE = 1  # also the number of seconds between the end of the interpreter and that of the process

libc = ctypes.CDLL(None)
libc.on_exit(libc.sleep, None)  # called with the exit code

target = mmap.mmap(-1, LENGTH)
stream = Stream(Client.get(), Op.GET, Listing.from_uris([f"fault://stubborn/{LENGTH}"]), memory=[target])
while not target[0]:
    time.sleep(0.001)
sys.modules[loading.__module__].EXIT_TIMEOUT = float(sys.argv[1])  # type: ignore[attr-defined]
print("reading", flush=True)
sys.exit(EXIT_CODE)
