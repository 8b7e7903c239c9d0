"""Processes that log their operations and end in several ways.

op_logs.py WAY LOG URI
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time

import s3dlio


def read(uri: str) -> None:
    s3dlio.get(uri)


def main(way: str, log: str, uri: str) -> None:
    s3dlio.init_op_log(log)
    s3dlio.get(uri)
    if way == "forked":
        children = [multiprocessing.get_context("fork").Process(target=read, args=(uri,)) for _ in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
            assert child.exitcode == 0
            print(child.pid)
    elif way == "killed":
        time.sleep(2.5)  # a line is flushed within a second
        os.kill(os.getpid(), signal.SIGKILL)
    elif way == "finalized":
        s3dlio.finalize_op_log()
        s3dlio.get(uri)


if __name__ == "__main__":
    main(*sys.argv[1:])
