"""1,000 forks of a process that is busy reading; arguments: the expected content as a file, and URIs that hold it.

In the parent, threads read all URIs over and over and collect garbage. The children read, drop the views that they
inherited, and some fork again.
"""

import gc
import sys
import threading
from functools import partial
from pathlib import Path

import s3dlio
from tests.support.forks import in_child, join, start
from tests.support.mem import held, wait_until_idle

FORKS = 1000
AT_ONCE = 8
FORKS_AGAIN = 10  # every so manieth child

content, uris = Path(sys.argv[1]).read_bytes(), sys.argv[2:]
stop = threading.Event()
reads = [0] * len(uris)
views = [s3dlio.get(uri) for uri in uris]


def check(uri: str) -> None:
    assert s3dlio.get(uri) == content, f"{uri} was read wrongly"


def read_on(number: int) -> None:
    while not stop.is_set():
        check(uris[number])
        reads[number] += 1


def collect_garbage() -> None:
    while not stop.wait(0.005):
        cycle: list[object] = [views[0][1:]]
        cycle.append(cycle)
        del cycle
        gc.collect(1)


def child(number: int) -> None:
    check(uris[number % len(uris)])
    views.clear()
    gc.collect(1)
    assert held() == 0
    if number % FORKS_AGAIN == 0:
        in_child(lambda: check(uris[number // FORKS_AGAIN % len(uris)]))


def main() -> None:
    threads = [threading.Thread(target=read_on, args=(i,)) for i in range(len(uris))]
    threads.append(threading.Thread(target=collect_garbage))
    for thread in threads:
        thread.start()
    running: list[int] = []
    try:
        for number in range(FORKS):
            if len(running) == AT_ONCE:
                join(running.pop(0))
            running.append(start(partial(child, number)))
        for pid in running:
            join(pid)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert all(view == content for view in views)
    assert all(reads), f"a thread did not read: {reads}"
    views.clear()
    gc.collect()
    wait_until_idle()
    print("ok", reads)


main()
