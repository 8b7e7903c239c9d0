"""Settings of a process, before and after it has loaded the library, and of its forked children.

Arguments: endpoint, URI of an object there.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial

import s3dlio
from s3dlio import _logging
from s3dlio._native import library
from s3dlio._native.library import loaded_library
from tests.support.forks import c_fork, in_child

FORKS: list[Callable[[], int]] = [os.fork, c_fork]


def check(endpoint: str, uri: str, threads: int) -> None:
    assert s3dlio.get(uri) == b"hello"
    assert library().c.s3d_set_parallelism(0) == threads
    assert s3dlio.get(uri, endpoint_url=endpoint) == b"hello"
    assert _logging.level_for_library() == 0


def main(endpoint: str, uri: str) -> None:
    s3dlio.configure_s3(endpoint_url=endpoint)
    s3dlio.configure_tokio_threads(3)
    s3dlio.init_logging("error")
    assert loaded_library() is None, "settings alone load nothing"
    for fork in FORKS:
        in_child(partial(check, endpoint, uri, 3), fork)
    check(endpoint, uri, 3)
    s3dlio.configure_tokio_threads(5)
    for fork in FORKS:
        in_child(partial(in_child, partial(check, endpoint, uri, 5), fork), fork)
        worker = threading.Thread(target=check, args=(endpoint, uri, 5))
        worker.start()
        worker.join()
    spawned = f"import s3dlio; from s3dlio import settings; assert settings.chosen() == {{}}; s3dlio.exists({uri!r})"
    ended = subprocess.run([sys.executable, "-c", spawned], capture_output=True, text=True, check=False)
    assert "ConnectionFailedError" in ended.stderr, "who is spawned has only the environment"
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
